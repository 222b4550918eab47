"""Connections whose texts are carried by Twilio or by AWS End User Messaging."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from concord.platforms.twilio.signature import sign
from tests.world.carried import SID, TOKEN, Carried, by_aws, by_twilio, deliver, inbound
from tests.world.faults import Request, Wire, settle
from tests.world.shop import new_number
from tests.world.world import World


class _Carried(Carried):
    """And what is kept of her texts."""

    def evidence(self) -> int:
        return len([r for r in self.house.rows("C#") if r["sk"].startswith("E#")])

    def texts_row(self, purpose: str) -> dict[str, Any]:
        rows = self.house.rows("TU#")
        return next(r for r in rows if "send_text" in r["pk"] and r["pk"].endswith(purpose))


# --- Twilio ----------------------------------------------------------------------------------


@pytest.fixture
def twilio(house: World, monkeypatch: pytest.MonkeyPatch) -> _Carried:
    carried = by_twilio(house, monkeypatch)
    return _Carried(carried.shop, carried.platform, carried.sends_from)


def _handset(carried: _Carried, sender: str, text: str, **more: Any) -> httpx.Response:
    body = {"from": sender, "to": carried.sends_from, "text": text, **more}
    return carried.house.sandbox.post("/twilio/_handset", json=body)


def test_twilio_carries_the_texts_and_confirms_stop_itself(twilio: _Carried) -> None:
    """TEA-17, R-05: signed webhook -> 200 <Response/>; STOP is answered by the carrier alone."""
    number = new_number()
    answer = _handset(twilio, number, "JOIN")
    assert (answer.status_code, answer.text) == (200, "<Response/>")
    twilio.house.pump()
    assert twilio.shop.consent(number) == "opted_in"
    assert len(twilio.got(number)) == 1

    answer = _handset(twilio, number, "STOP")
    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert twilio.shop.consent(number) == "opted_out"
    settle(twilio.house)
    posts = [c for c in twilio.house.sandbox.calls("twilio") if c["method"] == "POST"]
    assert len(posts) == 1  # our one text: the confirmation of JOIN
    assert len(twilio.got(number)) == 2  # and the carrier's own answer to STOP
    assert twilio.shop.contact(number) is False


def test_a_forged_twilio_webhook_is_refused(twilio: _Carried) -> None:
    """Reliability 1: another token signs: 401, nothing written."""
    twilio.house.sandbox.seed("twilio", SID, credentials={"account_sid": SID, "auth_token": "no"})
    before = twilio.house.rows()
    assert _handset(twilio, new_number(), "STOP").status_code == 401
    assert twilio.house.rows() == before


def test_each_text_carries_our_reference_and_its_receipts_come_back(twilio: _Carried) -> None:
    """R-15: the status callback names the row; it ends as delivered, whatever comes after that."""
    number = new_number()
    _handset(twilio, number, "JOIN")
    twilio.house.pump()
    sent = next(c for c in twilio.house.sandbox.calls("twilio") if c["method"] == "POST")
    row = twilio.texts_row("opt_in_confirmation")
    reference = row["pk"].rsplit("#", 1)[1]
    assert sent["body"]["StatusCallback"].endswith(f"/receipts?ref={reference}")
    assert (row["state"], row["payload"]["receipt"]) == ("sent", "delivered")


def test_a_receipt_resolves_an_uncertain_text(twilio: _Carried) -> None:
    """R-15: the answer was lost, the receipt came: it was sent, and is not sent again."""
    number = new_number()
    lost: list[str] = []
    _handset(twilio, number, "JOIN")

    def after(request: Request) -> None:
        if request.name.startswith("POST /twilio") and not lost:
            lost.append(request.name)
            raise httpx.ReadTimeout("lost")

    with Wire(twilio.house).failing(after=after):
        settle(twilio.house)
    row = twilio.texts_row("opt_in_confirmation")
    assert lost
    assert row["state"] == "sent"
    assert row["payload"]["receipt"] == "delivered"
    assert "due_pk" not in row
    assert len(twilio.got(number)) == 1


@pytest.mark.parametrize("words", ["please stop texting me", "STOP", "Oui, arrêtez ça", "hmm"])
def test_what_the_carrier_took_for_stop_needs_no_review(twilio: _Carried, words: str) -> None:
    """R-05: OptOutType=STOP is an explicit opt-out however our own reading would put it."""
    number = new_number()
    _handset(twilio, number, "JOIN")
    url = twilio.shop.webhooks["twilio"]
    fields = {"MessageSid": "SM1", "From": number, "To": twilio.sends_from, "Body": words}
    fields["OptOutType"] = "STOP"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": sign(TOKEN, url, fields.items()),
    }

    path = url.split("/test", 1)[1]
    assert twilio.house.receive(path, urlencode(fields).encode(), headers)["statusCode"] == 200

    found = twilio.shop.connect("GET", f"/consents/sms/{number.replace('+', '%2B')}")
    body = twilio.house.body(found)
    assert (body["state"], body["basis"]) == ("opted_out", "explicit")
    assert twilio.house.body(twilio.shop.admin("GET", "/reviews?kind=fuzzy"))["items"] == []


def test_twilios_block_is_an_opt_out(twilio: _Carried) -> None:
    """TEA-18, ruling 2: 21610 at hand-over is recorded as an opt-out, and never tried again."""
    number = new_number()
    _handset(twilio, number, "JOIN")
    fault = {"platform": "twilio", "method": "POST", "status": 400, "code": 21610}
    twilio.house.sandbox.fault(**fault, times=1)
    settle(twilio.house)

    row = twilio.texts_row("opt_in_confirmation")
    assert (row["state"], row["payload"]["reason"]) == ("refused", "opted_out_at_carrier")
    assert twilio.shop.consent(number) == "opted_out"
    assert twilio.evidence() == 2
    assert twilio.got(number) == []
    assert twilio.shop.contact(number) is False


# --- AWS End User Messaging ------------------------------------------------------------------


@pytest.fixture
def aws(house: World, monkeypatch: pytest.MonkeyPatch) -> _Carried:
    carried = by_aws(house, monkeypatch)
    return _Carried(carried.shop, carried.platform, carried.sends_from)


def _raw(message: dict[str, Any]) -> dict[str, Any]:
    return message


def _enveloped(message: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "m", "Message": json.dumps(message)}


@pytest.mark.parametrize("wrap", [_raw, _enveloped])
def test_a_text_by_topic_finds_its_connection(
    aws: _Carried, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """TEA-17: AWS two-way SMS: the number texted names the connection; carrier confirms STOP."""
    number = new_number()
    deliver(wrap(inbound(aws, number, "JOIN")))
    settle(aws.house)
    assert aws.shop.consent(number) == "opted_in"
    assert len(aws.got(number)) == 1
    stop = wrap(inbound(aws, number, "STOP", "in-1"))
    for _ in range(3):
        deliver(stop)
    assert aws.shop.consent(number) == "opted_out"
    settle(aws.house)
    assert aws.evidence() == 2
    assert len(aws.got(number)) == 1  # nothing of ours after STOP
    assert aws.shop.contact(number) is False


def test_aws_texts_carry_our_reference(aws: _Carried) -> None:
    """R-15: Context brings our reference back with delivery events, which end at the row."""
    number = new_number()
    deliver(inbound(aws, number, "JOIN"))
    settle(aws.house)
    [sent] = aws.house.sandbox.calls("aws")
    row = aws.texts_row("opt_in_confirmation")
    reference = row["pk"].rsplit("#", 1)[1]
    assert sent["body"]["Context"] == {"reference": reference}
    event = {
        "eventType": "TEXT_DELIVERED",
        "messageId": row["payload"]["message_id"],
        "eventTimestamp": 1_795_000_000_000,
        "destinationPhoneNumber": number,
        "originationPhoneNumber": aws.sends_from,
        "context": {"reference": reference},
        "destinationNumber": aws.sends_from,
    }
    deliver(event)
    assert aws.texts_row("opt_in_confirmation")["payload"]["receipt"] == "delivered"


def test_what_aws_is_set_to_reaches_it(aws: _Carried) -> None:
    """R-15: receipts come through a configuration set, which the operator names."""
    settings = {"configuration_set": "receipts", "message_type": "TRANSACTIONAL"}
    sender = {"platform": "aws", "from": aws.sends_from, "settings": settings}
    changed = aws.shop.admin("PATCH", "", {"settings": {"sender": sender}})
    shown = aws.house.body(changed)["settings"]["sender"]
    assert (shown["settings"], shown["answers_stop"]) == (settings, True)
    aws.house.cold()
    deliver(inbound(aws, new_number(), "JOIN"))
    settle(aws.house)
    [sent] = aws.house.sandbox.calls("aws")
    assert sent["body"]["ConfigurationSetName"] == "receipts"
    assert sent["body"]["MessageType"] == "TRANSACTIONAL"


def test_a_text_to_nobody_has_no_effect_on_anybody(aws: _Carried) -> None:
    """R-32: a number that no connection owns: no row changes (it waits in the safety queue)."""
    before = aws.house.rows()
    deliver({**inbound(aws, new_number(), "STOP"), "destinationNumber": new_number()})
    assert aws.house.rows() == before


def test_awss_block_is_an_opt_out(aws: _Carried) -> None:
    """TEA-18, ruling 2: the opted-out conflict at hand-over is recorded as an opt-out."""
    number = new_number()
    aws.house.sandbox.seed("aws", "aws-1", topic_arn="arn:aws:sns:us-east-1:123456789012:gone")
    body = {"from": number, "to": aws.sends_from, "text": "STOP"}
    aws.house.sandbox.post("/aws/_handset", json=body)  # AWS knows; its topic is not heard
    deliver(inbound(aws, number, "JOIN"))
    settle(aws.house)

    row = aws.texts_row("opt_in_confirmation")
    assert (row["state"], row["payload"]["reason"]) == ("refused", "opted_out_at_carrier")
    assert aws.shop.consent(number) == "opted_out"
    assert aws.shop.contact(number) is False


def test_an_aws_text_whose_answer_was_lost_waits_for_its_receipt(
    aws: _Carried, capsys: pytest.CaptureFixture[str]
) -> None:
    """TEA-17: AWS has no look-up: `uncertain`, an alarm metric, and never a second text."""
    number = new_number()
    aws.house.sandbox.fault(platform="aws", status=500, times=1)
    deliver(inbound(aws, number, "JOIN"))
    settle(aws.house)
    row = aws.texts_row("opt_in_confirmation")
    assert row["state"] == "uncertain"
    assert "SendUncertain" in capsys.readouterr().out
    assert len(aws.house.sandbox.calls("aws")) == 1
