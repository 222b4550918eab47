"""The sandbox's Text-Em-All: what it accepts, what it refuses, what it tells Concord."""

import json
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.sandbox.harness import BASE, WEBHOOK_SECRET, Sandbox, oauth_header

OWN, SHOPPER = "+18885550100", "+15551230000"
CREDENTIALS = {"consumer_key": "ck", "consumer_secret": "cs", "access_token": "at"}


@pytest.fixture
def number_id(sandbox: Sandbox) -> int:
    """Seed one account and return the id of its text number."""
    seeded = sandbox.seed(
        "text_em_all",
        "tea-1",
        text_numbers=[OWN],
        credentials=CREDENTIALS,
        webhook_url="http://concord.test/webhooks/text_em_all/c1/token",
        webhook_secret=WEBHOOK_SECRET,
    )
    found: int = seeded["text_numbers"][0]["id"]
    return found


def request(
    sandbox: Sandbox, method: str, path: str, body: Any = None, **header: str
) -> httpx.Response:
    url = f"{BASE}/text_em_all{path}"
    return sandbox.call(method, url, json=body, headers=oauth_header(method, url, **header))


def conversation(number_id: int, **changes: Any) -> dict[str, Any]:
    message = {
        "Message": "Reply JOIN",
        "TruncateIfExceedsLimit": False,
        "Contact": {"PrimaryPhone": "5551230000"},
    }
    return {"TextNumberID": number_id, "LastMessage": message, "IntegrationData": "ref-1"} | changes


def test_a_signed_text_reaches_the_handset(sandbox: Sandbox, number_id: int) -> None:
    response = request(sandbox, "POST", "/v1/conversations", conversation(number_id))

    answer = response.json()
    assert response.status_code == 200
    assert answer["TextNumberID"] == number_id
    assert answer["IntegrationData"] == "ref-1"
    assert answer["LastMessage"]["Contact"] == {"PrimaryPhone": "5551230000"}
    [text] = sandbox.get(f"/text_em_all/_handset/{SHOPPER}").json()
    assert (text["from"], text["text"]) == (OWN, "Reply JOIN")


def test_the_version_in_the_path_is_optional(sandbox: Sandbox, number_id: int) -> None:
    assert request(sandbox, "GET", "/account").json()["AccountID"] == "tea-1"


@pytest.mark.parametrize(
    "header",
    [
        {"secret": "wrong"},
        {"key": "unknown"},
        {"token": "unknown"},
        {"oauth_signature": "AAAA"},
        {"oauth_timestamp": "1000000000"},
    ],
)
def test_a_wrong_signature_is_401_and_sends_nothing(
    sandbox: Sandbox, number_id: int, header: dict[str, str]
) -> None:
    response = request(sandbox, "POST", "/v1/conversations", conversation(number_id), **header)

    assert response.status_code == 401
    assert response.json()["ErrorName"] == "Unauthorized"
    assert sandbox.get(f"/text_em_all/_handset/{SHOPPER}").json() == []


def test_a_signature_for_another_url_is_401(sandbox: Sandbox, number_id: int) -> None:
    signed = oauth_header("GET", f"{BASE}/text_em_all/v1/textnumbers?page=1")

    response = sandbox.get("/text_em_all/v1/textnumbers?page=2", headers=signed)

    assert response.status_code == 401


def test_a_replayed_request_is_401(sandbox: Sandbox, number_id: int) -> None:
    signed = oauth_header("GET", f"{BASE}/text_em_all/account")

    answers = [sandbox.get("/text_em_all/account", headers=signed) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(
    "changes",
    [
        {"Surprise": 1},
        {"TextNumberID": 7},
        {"LastMessage": {"Message": "x", "Contact": {"PrimaryPhone": SHOPPER}}},
        {"LastMessage": {"Message": "", "Contact": {"PrimaryPhone": "5551230000"}}},
        {"LastMessage": {"Message": "x", "Contact": {"Phone": "5551230000"}}},
    ],
)
def test_a_body_outside_the_contract_is_400(
    sandbox: Sandbox, number_id: int, changes: dict[str, Any]
) -> None:
    body = conversation(number_id, **changes)

    response = request(sandbox, "POST", "/v1/conversations", body)

    assert response.status_code == 400
    assert {"ErrorCode", "ErrorName", "Message"} <= set(response.json())
    assert "5551230000" not in response.text
    assert sandbox.get(f"/text_em_all/_handset/{SHOPPER}").json() == []


def test_unknown_paths_and_parameters_are_refused(sandbox: Sandbox, number_id: int) -> None:
    assert request(sandbox, "GET", "/v1/lists").status_code == 404
    assert request(sandbox, "POST", "/v1/lists", {}).status_code == 404
    assert request(sandbox, "POST", "/v1/contacts/optstate", {}).status_code == 404
    assert request(sandbox, "GET", "/v1/textnumbers?colour=red").status_code == 400


def test_an_account_without_credentials_is_found_only_when_it_is_the_only_one(
    sandbox: Sandbox,
) -> None:
    first = sandbox.seed("text_em_all", "open-1", text_numbers=[OWN])
    assert request(sandbox, "GET", "/account", key="any").status_code == 200

    sandbox.seed("text_em_all", "open-2", text_numbers=["+18885550199"])

    assert request(sandbox, "GET", "/account", key="any").status_code == 401
    # The text number names the account all the same.
    body = conversation(first["text_numbers"][0]["id"])
    assert request(sandbox, "POST", "/conversations", body, key="any").status_code == 200


def test_text_numbers_are_paged_and_keep_their_order(sandbox: Sandbox, number_id: int) -> None:
    """TEA-23: the first text number stays the first when newer ones are seeded before it."""
    sandbox.seed("text_em_all", "tea-1", text_numbers=["+18885550102", "+18885550101", OWN])

    first = request(sandbox, "GET", "/v1/textnumbers?page=1&pagesize=2").json()
    url = first["Next"]
    second = sandbox.get(url, headers=oauth_header("GET", url)).json()

    assert first["Size"] == 3
    assert first["Previous"] is None
    assert first["Items"][0] | {"Name": ""} == {
        "TextNumberID": number_id,
        "TextPhoneNumber": "8885550100",
        "Name": "",
        "Description": "",
        "IsDefault": True,
    }
    assert [item["TextPhoneNumber"] for item in second["Items"]] == ["8885550101"]
    assert second["Next"] is None


def test_a_text_can_be_looked_up_by_its_reference(sandbox: Sandbox, number_id: int) -> None:
    for reference in ("a.1~x", "a.2"):
        body = conversation(number_id, IntegrationData=reference)
        request(sandbox, "POST", "/v1/conversations", body)

    found = request(sandbox, "GET", "/v1/conversations?IntegrationData~eq~a.1~x").json()
    nothing = request(sandbox, "GET", "/v1/conversations?IntegrationData~eq~a.3").json()

    assert [item["IntegrationData"] for item in found["Items"]] == ["a.1~x"]
    assert nothing["Items"] == []


def test_the_opt_state_is_what_concord_said(sandbox: Sandbox, number_id: int) -> None:
    contact = f"/text_em_all/_contacts/{SHOPPER}"
    seen = [sandbox.get(contact).json()["opted_in"]]
    for opted_in in (True, False):
        body = {"PrimaryPhone": "5551230000", "OptedIn": opted_in, "IntegrationData": "r"}
        answer = request(sandbox, "PUT", "/v1/contacts/optstate", body)
        assert answer.json() == {"PrimaryPhone": "5551230000", "OptedIn": opted_in}
        seen.append(sandbox.get(contact).json()["opted_in"])

    assert seen == [None, True, False]
    wrong = {"PrimaryPhone": "5551230000", "OptedIn": "yes"}
    assert request(sandbox, "PUT", "/v1/contacts/optstate", wrong).status_code == 400


def test_an_inbound_text_is_signed_and_the_answer_is_ours(sandbox: Sandbox, number_id: int) -> None:
    sandbox.answer = lambda _: httpx.Response(202, json={"kept": True})

    answer = sandbox.post(
        "/text_em_all/_handset", json={"from": SHOPPER, "to": OWN, "text": "STOP"}
    )

    [sent] = sandbox.received
    event = Webhook(WEBHOOK_SECRET).verify(sent.content, dict(sent.headers))
    assert event | {"id": "", "at": ""} == {
        "type": "inbound_text",
        "id": "",
        "from": SHOPPER,
        "to": OWN,
        "text": "STOP",
        "at": "",
    }
    assert (answer.status_code, answer.json()) == (202, {"kept": True})
    # A handset's STOP is news for Concord alone: the contact shows what Concord says.
    assert sandbox.get(f"/text_em_all/_contacts/{SHOPPER}").json() == {"opted_in": None}


def test_a_changed_webhook_body_does_not_verify(sandbox: Sandbox, number_id: int) -> None:
    sandbox.post("/text_em_all/_handset", json={"from": SHOPPER, "to": OWN, "text": "JOIN"})

    [sent] = sandbox.received
    with pytest.raises(WebhookVerificationError):
        Webhook(WEBHOOK_SECRET).verify(sent.content.replace(b"JOIN", b"STOP"), dict(sent.headers))


def test_a_text_to_nobody_or_a_deaf_webhook_is_told(sandbox: Sandbox, number_id: int) -> None:
    def deaf(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    sandbox.answer = deaf
    text = {"from": SHOPPER, "to": OWN, "text": "STOP"}

    assert sandbox.post("/text_em_all/_handset", json=text).status_code == 504
    elsewhere = text | {"to": "+18005550000"}
    assert sandbox.post("/text_em_all/_handset", json=elsewhere).status_code == 404
    assert sandbox.post("/text_em_all/_handset", json=text | {"x": 1}).status_code == 400


def test_a_receipt_names_the_text(sandbox: Sandbox, number_id: int) -> None:
    """R-15: a delivery event carries our reference, the platform's id and the outcome."""
    sent = request(sandbox, "POST", "/v1/conversations", conversation(number_id)).json()

    sandbox.post(
        "/text_em_all/_receipt", json={"reference": "ref-1", "status": "failed", "code": "30003"}
    )

    event = json.loads(sandbox.received[0].content)
    assert event | {"id": "", "at": ""} == {
        "type": "delivery",
        "id": "",
        "reference": "ref-1",
        "message_id": str(sent["LastMessage"]["TextMessageID"]),
        "to": SHOPPER,
        "status": "failed",
        "code": "30003",
        "at": "",
    }
    unknown = {"reference": "other", "status": "delivered"}
    assert sandbox.post("/text_em_all/_receipt", json=unknown).status_code == 404
