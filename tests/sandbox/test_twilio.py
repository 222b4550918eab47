"""The sandbox's Twilio: sends, carrier-side STOP, signed posts, look-ups."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from sandbox.platforms.twilio.messages import segments
from sandbox.signing import twilio_signature
from tests.sandbox.harness import Sandbox

SID, TOKEN = "AC" + "0" * 32, "auth-token"
OWN, SHOPPER = "+18885550100", "+15551230000"
PATH = f"/twilio/2010-04-01/Accounts/{SID}/Messages.json"


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.seed(
        "twilio",
        SID,
        text_numbers=[OWN, "+18885550101"],
        credentials={"account_sid": SID, "auth_token": TOKEN},
        webhook_url="http://concord.test/webhooks/twilio/c1/token?x=1",
    )


def send(sandbox: Sandbox, auth: tuple[str, str] = (SID, TOKEN), **changes: Any) -> httpx.Response:
    form = {"To": SHOPPER, "From": OWN, "Body": "Hi"} | changes
    return sandbox.post(PATH, data={k: v for k, v in form.items() if v is not None}, auth=auth)


def receive(sandbox: Sandbox, text: str, to: str = OWN) -> httpx.Response:
    return sandbox.post("/twilio/_handset", json={"from": SHOPPER, "to": to, "text": text})


def texts(sandbox: Sandbox) -> list[str]:
    return [text["text"] for text in sandbox.get(f"/twilio/_handset/{SHOPPER}").json()]


def test_a_text_is_201_with_the_documented_fields(sandbox: Sandbox) -> None:
    response = send(sandbox)

    message = response.json()
    assert response.status_code == 201
    assert (message["status"], message["error_code"]) == ("queued", None)
    assert (message["from"], message["to"], message["account_sid"]) == (OWN, SHOPPER, SID)
    assert message["num_segments"] == "1"
    assert message["sid"].startswith("SM")
    assert texts(sandbox) == ["Hi"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": "5551230000"}, 21211),
        ({"To": None}, 21604),
        ({"From": None}, 21603),
        ({"From": "+18885550999"}, 21606),
        ({"Body": None}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"Colour": "red"}, 20001),
    ],
)
def test_a_bad_send_is_400_with_twilios_number(
    sandbox: Sandbox, changes: dict[str, Any], code: int
) -> None:
    response = send(sandbox, **changes)

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert set(response.json()) == {"code", "message", "more_info", "status"}
    assert texts(sandbox) == []


def test_wrong_credentials_are_401(sandbox: Sandbox) -> None:
    assert send(sandbox, auth=(SID, "other")).status_code == 401
    assert sandbox.post(PATH, data={"To": SHOPPER}).status_code == 401


def test_a_stopped_number_is_21610_until_it_texts_start(sandbox: Sandbox) -> None:
    receive(sandbox, " stop ")
    receive(sandbox, "STOP")

    refused = send(sandbox)
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)
    assert len(texts(sandbox)) == 1, "Twilio confirms a STOP once"
    # Scope: the block is per sending number.
    assert send(sandbox, From="+18885550101").status_code == 201

    receive(sandbox, "UNSTOP")
    assert send(sandbox).status_code == 201


def test_stop_inside_a_sentence_blocks_nothing(sandbox: Sandbox) -> None:
    receive(sandbox, "STOP PLEASE")

    assert send(sandbox).status_code == 201


def test_an_inbound_text_is_a_signed_form(sandbox: Sandbox) -> None:
    sandbox.answer = lambda _: httpx.Response(200, text="<Response/>")
    sandbox.seed("twilio", SID, advanced_opt_out=True)

    answer = receive(sandbox, "STOP")

    [sent] = sandbox.received
    form = parse_qsl(sent.content.decode(), keep_blank_values=True)
    assert sent.headers["x-twilio-signature"] == twilio_signature(TOKEN, str(sent.url), form)
    fields = dict(form)
    assert (fields["From"], fields["To"], fields["Body"]) == (SHOPPER, OWN, "STOP")
    assert fields["OptOutType"] == "STOP"
    assert (answer.status_code, answer.text) == (200, "<Response/>")


def test_the_signature_is_the_one_of_twilios_own_library() -> None:
    """The vector of twilio-python, tests/unit/test_request_validator.py."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"

    assert twilio_signature("12345", url, form.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_status_callback_tells_each_state(sandbox: Sandbox) -> None:
    """R-15: receipts carry the reference that the callback URL was given."""
    callback = "http://concord.test/webhooks/twilio/c1/token/status?ref=b.1.2.3"

    sid = send(sandbox, StatusCallback=callback).json()["sid"]

    forms = [dict(parse_qsl(sent.content.decode())) for sent in sandbox.received]
    assert [form["MessageStatus"] for form in forms] == ["sent", "delivered"]
    assert {form["MessageSid"] for form in forms} == {sid}
    assert {str(sent.url) for sent in sandbox.received} == {callback}
    expected = twilio_signature(TOKEN, callback, forms[0].items())
    assert sandbox.received[0].headers["x-twilio-signature"] == expected


CALLBACK = "http://concord.test/webhooks/twilio/c1/token/status?ref=b.1.2.3"


def told(sandbox: Sandbox) -> list[tuple[str, str | None]]:
    """Return status and code of each callback, each with a signature that holds."""
    forms = [dict(parse_qsl(sent.content.decode())) for sent in sandbox.received]
    for sent, form in zip(sandbox.received, forms, strict=True):
        expected = twilio_signature(TOKEN, str(sent.url), form.items())
        assert sent.headers["x-twilio-signature"] == expected
    return [(form["MessageStatus"], form.get("ErrorCode")) for form in forms]


@pytest.mark.parametrize("code", ["30003", "30005"])
def test_a_failing_number_is_told_with_its_code(sandbox: Sandbox, code: str) -> None:
    """R-07, R-15: taken, sent, and then undelivered."""
    sandbox.seed("twilio", SID, receipts={"fail_numbers": {SHOPPER: code}})
    sid = send(sandbox, StatusCallback=CALLBACK).json()["sid"]
    assert told(sandbox) == [("sent", None), ("undelivered", code)]
    path = PATH.replace(".json", f"/{sid}.json")
    shown = sandbox.get(path, auth=(SID, TOKEN)).json()
    assert (shown["status"], shown["error_code"]) == ("undelivered", int(code))


@pytest.mark.parametrize("code", ["21211", "21614", "21635"])
def test_some_codes_answer_the_send_itself(sandbox: Sandbox, code: str) -> None:
    """R-07: nothing is sent and nothing told."""
    sandbox.seed("twilio", SID, receipts={"fail_numbers": {SHOPPER: code}})
    refused = send(sandbox, StatusCallback=CALLBACK)
    assert (refused.status_code, refused.json()["code"]) == (400, int(code))
    assert sandbox.get("/twilio/_texts").json() == []
    assert told(sandbox) == []


def test_callbacks_late_twice_and_out_of_order(sandbox: Sandbox) -> None:
    """R-15: held until they are asked for; a silent number's never come."""
    options = {"hold": True, "duplicate": True, "out_of_order": True}
    sandbox.seed("twilio", SID, receipts={**options, "silent_numbers": ["+15551230009"]})
    send(sandbox, StatusCallback=CALLBACK)
    send(sandbox, To="+15551230009", StatusCallback=CALLBACK)
    assert told(sandbox) == []
    sandbox.post("/twilio/_receipts")
    assert [status for status, _ in told(sandbox)] == ["delivered", "delivered", "sent", "sent"]


def test_queued_texts_leave_at_the_rate_and_a_stop_takes_them_back(sandbox: Sandbox) -> None:
    """R-08: the queue of a slow number, and 21610 for what was in it."""
    options = {"texts_per_second": 0.01, "receipts": {"hold": True}}
    sandbox.seed("twilio", SID, webhook_url="http://concord.test/in", **options)
    send(sandbox, To="+15551230009")
    queued = send(sandbox, StatusCallback=CALLBACK).json()
    assert (queued["status"], queued["date_sent"]) == ("queued", None)
    assert [row["to"] for row in sandbox.get("/twilio/_texts").json()] == ["+15551230009"]
    sandbox.post("/twilio/_handset", json={"from": SHOPPER, "to": OWN, "text": "STOP"})
    sandbox.received.clear()
    sandbox.post("/twilio/_arrive")
    arrived = [row["text"] for row in sandbox.get(f"/twilio/_handset/{SHOPPER}").json()]
    assert queued["body"] not in arrived
    sandbox.post("/twilio/_receipts")
    assert told(sandbox) == [("failed", "21610")]


def test_more_sends_than_the_account_may_make_are_20429(sandbox: Sandbox) -> None:
    """R-08: and nothing is sent."""
    sandbox.seed("twilio", SID, calls_per_second=1)
    first, second = send(sandbox), send(sandbox)
    assert (first.status_code, second.status_code) == (201, 429)
    assert second.json()["code"] == 20429
    assert [row["count"] for row in sandbox.get("/twilio/_texts").json()] == [1]


def test_texts_can_be_looked_up(sandbox: Sandbox) -> None:
    """R-10: a lost answer is resolved by To, From and DateSent."""
    sid = send(sandbox).json()["sid"]
    send(sandbox, To="+15551230009")
    today = datetime.now(UTC)
    tomorrow = (today + timedelta(days=2)).date().isoformat()

    def found(**query: str) -> list[str]:
        answer = sandbox.get(PATH, params=query, auth=(SID, TOKEN)).json()
        return [message["sid"] for message in answer["messages"]]

    assert found(To=SHOPPER, From=OWN) == [sid]
    assert found(To=SHOPPER, **{"DateSent>": (today - timedelta(days=1)).isoformat()}) == [sid]
    assert found(To=SHOPPER, DateSent=tomorrow) == []
    assert found(From="+18885550101") == []
    assert len(found()) == 2
    page = sandbox.get(PATH, params={"PageSize": "1"}, auth=(SID, TOKEN)).json()
    assert "Page=1" in page["next_page_uri"]
    bad = sandbox.get(PATH, params={"DateSent": "x"}, auth=(SID, TOKEN))
    assert bad.status_code == 400


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("č" * 70, 1), ("č" * 71, 2)],
)
def test_segments(text: str, count: int) -> None:
    """R-16: the two alphabets and the extension table."""
    assert segments(text) == count
