"""The sandbox's Text-Em-All as a carrier of broadcasts: rates, STOP, doubles, receipts."""

import json
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from sandbox.drop import ConnectionDroppedError
from tests.sandbox.harness import BASE, WEBHOOK_SECRET, Sandbox, oauth_header

OWN = "+18885550100"
ADA, BEN, CEM = "+15551230001", "+15551230002", "+15551230003"
WORDS = "Fresh bread until six."
NAME = "20260301t100000-0a1b2c3d.000001.4"
SEED = {
    "text_numbers": [OWN],
    "credentials": {"consumer_key": "ck", "consumer_secret": "cs", "access_token": "at"},
    "webhook_url": "http://concord.test/webhooks/text_em_all/c1/token",
    "webhook_secret": WEBHOOK_SECRET,
}


@pytest.fixture
def number_id(sandbox: Sandbox) -> int:
    """Seed one account and return the id of its text number."""
    found: int = sandbox.seed("text_em_all", "tea-1", **SEED)["text_numbers"][0]["id"]
    return found


def call(sandbox: Sandbox, method: str, path: str, body: Any = None, **header: str) -> Any:
    url = f"{BASE}/text_em_all/v1{path}"
    return sandbox.call(method, url, json=body, headers=oauth_header(method, url, **header))


def body(number_id: int, *numbers: str, **changes: Any) -> dict[str, Any]:
    return {
        "BroadcastName": NAME,
        "BroadcastType": "SMS",
        "TextMessage": WORDS,
        "TextNumberID": number_id,
        "PrimaryPhoneNumbersOnly": True,
        "CheckCallingWindow": False,
        "Contacts": [{"PrimaryPhone": number.removeprefix("+1")} for number in numbers],
        "IntegrationData": NAME,
    } | changes


def broadcast(sandbox: Sandbox, number_id: int, *numbers: str, **changes: Any) -> httpx.Response:
    answer = call(sandbox, "POST", "/broadcasts", body(number_id, *numbers, **changes))
    assert isinstance(answer, httpx.Response)
    return answer


def texts(sandbox: Sandbox, query: str = "") -> dict[str, int]:
    return {row["to"]: row["count"] for row in sandbox.get(f"/text_em_all/_texts{query}").json()}


def stop(sandbox: Sandbox, number: str, word: str = "STOP") -> None:
    text = {"from": number, "to": OWN, "text": word}
    assert sandbox.post("/text_em_all/_handset", json=text).status_code == 204


def told(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the delivery events that Concord got, each with a signature that holds."""
    for each in sandbox.received:
        Webhook(WEBHOOK_SECRET).verify(each.content, dict(each.headers))
    events = [json.loads(each.content) for each in sandbox.received]
    return [event for event in events if event["type"] == "delivery"]


def test_a_broadcast_texts_each_contact(sandbox: Sandbox, number_id: int) -> None:
    """TEA-09: the documented fields in, the documented answer out, one text each."""
    answer = broadcast(sandbox, number_id, ADA, BEN)

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["BroadcastName"], shown["PhoneNumberCount"]) == (NAME, 2)
    assert shown["BroadcastStatus"] == "Completed"
    assert texts(sandbox) == {ADA: 1, BEN: 1}
    [text] = sandbox.get(f"/text_em_all/_handset/{ADA}").json()
    assert (text["from"], text["text"]) == (OWN, WORDS)


@pytest.mark.parametrize(
    "changes",
    [
        {"Colour": "red"},
        {"BroadcastType": "Announcement"},
        {"Contacts": []},
        {"Contacts": [{"PrimaryPhone": "+15551230001"}]},
        {"Contacts": [{"PrimaryPhone": "5551230001", "Phone": "1"}]},
        {"TextMessage": ""},
        {"BroadcastName": ""},
        {"TextNumberID": 4711},
        {"CheckCallingWindow": "no"},
    ],
)
def test_what_is_outside_the_contract_is_400_and_sends_nothing(
    sandbox: Sandbox, number_id: int, changes: dict[str, Any]
) -> None:
    answer = broadcast(sandbox, number_id, ADA, **changes)
    assert answer.status_code == 400
    assert set(answer.json()) == {"ErrorCode", "ErrorName", "ErrorType", "Message"}
    assert ADA.removeprefix("+1") not in answer.text
    assert texts(sandbox) == {}


def test_a_wrong_signature_is_401_and_sends_nothing(sandbox: Sandbox, number_id: int) -> None:
    answer = call(sandbox, "POST", "/broadcasts", body(number_id, ADA), secret="wrong")
    assert answer.status_code == 401
    assert texts(sandbox) == {}


def test_a_name_protects_from_nothing(sandbox: Sandbox, number_id: int) -> None:
    """R-10: whoever repeats a call texts everybody twice, and a test can count that."""
    for _ in range(2):
        broadcast(sandbox, number_id, ADA, BEN)
    assert texts(sandbox) == {ADA: 2, BEN: 2}
    assert texts(sandbox, f"?to={ADA.replace('+', '%2B')}") == {ADA: 2}
    assert texts(sandbox, "?text=other") == {}


def test_who_opted_out_is_left_out(sandbox: Sandbox, number_id: int) -> None:
    """R-07: by STOP there or because Concord said so; UNSTOP is the only way back."""
    stop(sandbox, ADA)
    state = {"PrimaryPhone": BEN.removeprefix("+1"), "OptedIn": False}
    assert call(sandbox, "PUT", "/contacts/optstate", state).status_code == 200
    assert broadcast(sandbox, number_id, ADA, BEN, CEM).json()["PhoneNumberCount"] == 1
    assert texts(sandbox) == {CEM: 1}

    for word in ("START", "JOIN"):
        stop(sandbox, ADA, word)
    nobody = broadcast(sandbox, number_id, ADA, BEN)
    assert nobody.status_code == 400
    assert (nobody.json()["ErrorCode"], nobody.json()["ErrorName"]) == (
        3005,
        "NoValidBroadcastContacts",
    )
    stop(sandbox, ADA, "UNSTOP")
    assert broadcast(sandbox, number_id, ADA).status_code == 200


def test_texts_leave_at_the_accounts_rate(sandbox: Sandbox, number_id: int) -> None:
    """R-08: progress is seen, and a STOP takes back what has not left."""
    sandbox.seed("text_em_all", "tea-1", texts_per_second=0.01)
    made = broadcast(sandbox, number_id, ADA, BEN, CEM).json()
    assert (made["BroadcastStatus"], made["TotalCompleted"]) == ("InProgress", 1)
    assert texts(sandbox) == {ADA: 1}
    stop(sandbox, BEN)

    sandbox.post("/text_em_all/_arrive")
    assert texts(sandbox) == {ADA: 1, CEM: 1}
    shown = call(sandbox, "GET", f"/broadcasts/{made['BroadcastID']}").json()
    assert (shown["BroadcastStatus"], shown["TotalCompleted"]) == ("Completed", 3)
    assert call(sandbox, "GET", "/broadcasts/1").status_code == 404


def test_more_sends_than_the_account_may_make_are_429(sandbox: Sandbox, number_id: int) -> None:
    """R-08: says when to come back, and sends nothing."""
    sandbox.seed("text_em_all", "tea-1", calls_per_second=2)
    answers = [broadcast(sandbox, number_id, ADA) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    assert texts(sandbox) == {ADA: 2}


def test_a_broadcast_is_found_by_its_name(sandbox: Sandbox, number_id: int) -> None:
    """R-10: exactly, or, where the account is seeded so, with a filter that does nothing."""
    broadcast(sandbox, number_id, ADA)
    broadcast(sandbox, number_id, ADA, BroadcastName=f"{NAME}0")
    found = call(sandbox, "GET", f"/broadcasts?BroadcastName~eq~{NAME}").json()
    assert [item["BroadcastName"] for item in found["Items"]] == [NAME]
    absent = call(sandbox, "GET", "/broadcasts?BroadcastName~eq~other").json()
    assert (absent["Size"], absent["Items"]) == (0, [])
    sandbox.seed("text_em_all", "tea-1", ignore_filters=True)
    every = call(sandbox, "GET", "/broadcasts?BroadcastName~eq~other").json()
    assert every["Size"] == 2


def test_a_lost_answer_keeps_its_texts(sandbox: Sandbox, number_id: int) -> None:
    """R-10: the connection closes after the work: what everybody has to be ready for."""
    sandbox.fault(platform="text_em_all", path="/v1/broadcasts", lose_answer=True, times=1)
    with pytest.raises(ConnectionDroppedError):
        broadcast(sandbox, number_id, ADA)
    assert texts(sandbox) == {ADA: 1}
    found = call(sandbox, "GET", f"/broadcasts?BroadcastName~eq~{NAME}").json()
    assert found["Size"] == 1


# --- receipts --------------------------------------------------------------------------------


def test_without_the_option_nothing_is_told(sandbox: Sandbox, number_id: int) -> None:
    broadcast(sandbox, number_id, ADA)
    assert told(sandbox) == []


def test_receipts_tell_of_each_number(sandbox: Sandbox, number_id: int) -> None:
    """R-15: signed, with the broadcast's name and the number; R-07: codes and who is left out."""
    options = {"fail_numbers": {BEN: "disconnected"}, "silent_numbers": [CEM]}
    sandbox.seed("text_em_all", "tea-1", receipts=options)
    state = {"PrimaryPhone": "5551230004", "OptedIn": False}
    call(sandbox, "PUT", "/contacts/optstate", state)
    made = broadcast(sandbox, number_id, ADA, BEN, CEM, "+15551230004").json()

    events = told(sandbox)
    assert {event["reference"] for event in events} == {NAME}
    assert {event["message_id"] for event in events} == {str(made["BroadcastID"])}
    by_number: dict[str, list[tuple[str, str | None]]] = {}
    for event in events:
        by_number.setdefault(event["to"], []).append((event["status"], event["code"]))
    assert by_number == {
        ADA: [("sent", None), ("delivered", None)],
        BEN: [("sent", None), ("failed", "disconnected")],
        "+15551230004": [("failed", "opted_out")],
    }


def test_receipts_twice_and_out_of_order(sandbox: Sandbox, number_id: int) -> None:
    """R-15: the same id both times, the last word first."""
    options = {"duplicate": True, "out_of_order": True, "delay_ms": 10}
    sandbox.seed("text_em_all", "tea-1", receipts=options)
    broadcast(sandbox, number_id, ADA)
    events = told(sandbox)
    assert [event["status"] for event in events] == ["delivered", "delivered", "sent", "sent"]
    assert len({event["id"] for event in events}) == 2


def test_late_receipts_wait_until_they_are_asked_for(sandbox: Sandbox, number_id: int) -> None:
    """R-15: only of texts that have left, and each once."""
    sandbox.seed("text_em_all", "tea-1", receipts={"hold": True}, texts_per_second=0.01)
    broadcast(sandbox, number_id, ADA, BEN)
    assert told(sandbox) == []
    assert sandbox.post("/text_em_all/_receipts").json() == {"statuses": [204, 204]}
    assert {event["to"] for event in told(sandbox)} == {ADA}
    assert sandbox.post("/text_em_all/_receipts").json() == {"statuses": []}
    sandbox.post("/text_em_all/_arrive")
    assert sandbox.post("/text_em_all/_receipts").json() == {"statuses": [204, 204]}
    assert [event["to"] for event in told(sandbox)] == [ADA, ADA, BEN, BEN]


def test_a_deaf_webhook_holds_nothing_up(sandbox: Sandbox, number_id: int) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    sandbox.answer = refuse
    sandbox.seed("text_em_all", "tea-1", receipts={})
    assert broadcast(sandbox, number_id, ADA).status_code == 200
    assert texts(sandbox) == {ADA: 1}


def test_one_receipt_of_a_broadcast_by_hand(sandbox: Sandbox, number_id: int) -> None:
    """R-15: whichever status a test wants, of whichever contact."""
    broadcast(sandbox, number_id, ADA)
    receipt = {"reference": NAME, "to": ADA, "status": "failed", "code": "landline"}
    assert sandbox.post("/text_em_all/_receipt", json=receipt).status_code == 204
    [event] = told(sandbox)
    assert (event["to"], event["status"], event["code"]) == (ADA, "failed", "landline")
    for wrong in ({"to": BEN}, {"to": None}, {"reference": "other"}):
        refused = sandbox.post("/text_em_all/_receipt", json=receipt | wrong)
        assert refused.status_code == 404


def test_a_text_to_one_is_told_of_too(sandbox: Sandbox, number_id: int) -> None:
    """R-15: under the reference that it was sent with."""
    sandbox.seed("text_em_all", "tea-1", receipts={})
    message = {"Message": "Hello", "Contact": {"PrimaryPhone": ADA.removeprefix("+1")}}
    text = {"TextNumberID": number_id, "LastMessage": message, "IntegrationData": "ref-1"}
    sent = call(sandbox, "POST", "/conversations", text).json()
    assert [(event["reference"], event["status"]) for event in told(sandbox)] == [
        ("ref-1", "sent"),
        ("ref-1", "delivered"),
    ]
    message_id = str(sent["LastMessage"]["TextMessageID"])
    assert {event["message_id"] for event in told(sandbox)} == {message_id}


def test_reset_forgets_broadcasts_and_receipts(sandbox: Sandbox, number_id: int) -> None:
    sandbox.seed("text_em_all", "tea-1", receipts={"hold": True})
    broadcast(sandbox, number_id, ADA)
    sandbox.post("/_reset")
    assert texts(sandbox) == {}
    assert call(sandbox, "GET", "/broadcasts").json()["Size"] == 0
    assert sandbox.post("/text_em_all/_receipts").json() == {"statuses": []}


@pytest.mark.parametrize(
    "options",
    [{"delay": 1}, {"delay_ms": -1}, {"fail_numbers": [ADA]}],
)
def test_an_option_nobody_knows_is_refused(sandbox: Sandbox, options: dict[str, Any]) -> None:
    seed = {**SEED, "receipts": options}
    assert sandbox.put("/text_em_all/_accounts/tea-1", json=seed).status_code == 400
