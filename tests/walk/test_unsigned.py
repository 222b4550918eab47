"""Requests that nobody signed, and the URL that is for receipts alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from concord.platforms.twilio.signature import sign
from tests.sandbox.harness import BASE as SANDBOX
from tests.world.faults import Wire, away, settle
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import World

SID, TOKEN = "AC" + "1" * 32, "auth-token-of-twilio"


def _path(shop: Shop, platform: str) -> str:
    return shop.webhooks[platform].split("/test", 1)[1]


# --- our own shape, with signatures off ------------------------------------------------------


@pytest.fixture(name="open_shop")
def _open_shop(house: World) -> Shop:
    return house.shop(require_signature=False)


def _unsigned(shop: Shop, platform: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    event = {"id": new_number(), "at": shop.world.clock.now().isoformat(), **body}
    return shop.world.receive(_path(shop, platform), json.dumps(event).encode(), headers)


def _texts(shop: Shop, number: str, words: str, **headers: str) -> int:
    body = {"type": "inbound_text", "from": number, "to": shop.text_number, "text": words}
    return int(_unsigned(shop, "text_em_all", body, **headers)["statusCode"])


def _reports(shop: Shop, number: str, action: str) -> int:
    body = {"type": "consent", "action": action, "channel": "sms", "point": number}
    return int(_unsigned(shop, "catapult", body)["statusCode"])


def _inbox_states(shop: Shop) -> list[str]:
    listed = shop.world.admin("GET", f"/v1/merchants/{shop.merchant_id}/inbox?state=kept")
    return [entry["state"] for entry in shop.world.body(listed)["items"]]


def test_the_shoppers_own_texts_count_where_signatures_are_off(open_shop: Shop) -> None:
    """R-32: the operator chose it: JOIN and STOP are taken as they are."""
    number = new_number()
    assert _texts(open_shop, number, "JOIN") == 204
    assert open_shop.consent(number) == "opted_in"
    assert _texts(open_shop, number, "STOP") == 204
    assert open_shop.consent(number) == "opted_out"


def test_nothing_unsigned_lifts_an_opt_out(open_shop: Shop) -> None:
    """R-32, TEA-16: UNSTOP and a reported opt-in are kept, and stay so when they are replayed."""
    shop, number, unknown = open_shop, new_number(), new_number()
    _texts(shop, number, "STOP")
    assert _texts(shop, number, "UNSTOP") == 204
    assert _reports(shop, number, "opt_in") == 204
    assert _reports(shop, unknown, "opt_in") == 204
    settled = shop.world.rows("C#")
    assert shop.consent(number) == "opted_out"
    assert shop.consent(unknown) == "unknown"
    assert _inbox_states(shop) == ["kept"] * 3

    listed = shop.world.admin("GET", f"/v1/merchants/{shop.merchant_id}/inbox?state=kept")
    for entry in shop.world.body(listed)["items"]:
        where = f"/v1/merchants/{shop.merchant_id}/inbox/{entry['inbox_id']}/replay"
        assert shop.world.admin("POST", where)["statusCode"] == 200
    assert shop.world.rows("C#") == settled
    assert shop.world.pump() >= 0
    assert shop.inbox_of(unknown) == []


def test_an_unsigned_opt_out_counts_at_once(open_shop: Shop) -> None:
    """R-32: what only takes away needs no proof."""
    number = new_number()
    _texts(open_shop, number, "JOIN")
    assert _reports(open_shop, number, "opt_out") == 204
    assert open_shop.consent(number) == "opted_out"


def test_a_signature_that_is_there_must_fit(open_shop: Shop) -> None:
    """R-32: off means that one may be missing, not that a wrong one is good."""
    shop, number = open_shop, new_number()
    body, headers = signed_inbound(
        "whsec_" + base64.b64encode(b"w" * 32).decode(), number, shop.text_number, "JOIN"
    )
    assert shop.world.receive(_path(shop, "text_em_all"), body, headers)["statusCode"] == 401
    assert shop.consent(number) == "unknown"
    signed, right = signed_inbound(shop.webhook_secret, number, shop.text_number, "UNSTOP")
    assert shop.world.receive(_path(shop, "text_em_all"), signed, right)["statusCode"] == 204
    assert shop.consent(number) == "opted_in"  # from `unknown`, UNSTOP counts as JOIN


# --- Twilio signs, whatever the settings say -------------------------------------------------


@pytest.fixture(name="twilio")
def _twilio(house: World) -> Shop:
    number = new_number()
    credentials = {"account_sid": SID, "auth_token": TOKEN}
    base_url = f"{SANDBOX}/twilio"
    sender = {"platform": "twilio", "base_url": base_url, "from": number, "answers_stop": True}
    shop = house.shop(require_signature=False, sender={**sender, "credentials": credentials})
    house.sandbox.seed(
        "twilio",
        SID,
        text_numbers=[number],
        credentials=credentials,
        webhook_url=shop.webhooks["twilio"],
    )
    shop.text_number = number
    return shop


def _form(shop: Shop, url: str, fields: dict[str, str], token: str | None = TOKEN) -> int:
    """Post a form as Twilio does, signed with `token`; returns our status."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if token:
        headers["X-Twilio-Signature"] = sign(token, url, fields.items())
    path = url.split("/test", 1)[1]
    return int(shop.world.receive(path, urlencode(fields).encode(), headers)["statusCode"])


def _inbound(shop: Shop, number: str, words: str) -> dict[str, str]:
    sid = "SM" + new_number()
    return {"MessageSid": sid, "From": number, "To": shop.text_number, "Body": words}


@pytest.mark.parametrize("token", [None, "another-token"])
def test_twilio_is_never_taken_unsigned(twilio: Shop, token: str | None) -> None:
    """R-32: the switch is about our own shape; Twilio always signs."""
    number, url = new_number(), twilio.webhooks["twilio"]
    before = twilio.world.rows()
    assert _form(twilio, url, _inbound(twilio, number, "JOIN"), token) == 401
    assert twilio.world.rows() == before
    assert _form(twilio, url, _inbound(twilio, number, "JOIN")) == 200
    assert twilio.consent(number) == "opted_in"


def test_twilios_stop_is_proven_when_it_comes_home(twilio: Shop) -> None:
    """TEA-22: its signature covers the URL, so that waits in the queue as well."""
    number = new_number()
    twilio.world.cold()
    with Wire(twilio.world).failing(away("dynamodb", "ssm")):
        assert _form(twilio, twilio.webhooks["twilio"], _inbound(twilio, number, "STOP")) == 202
    assert twilio.world.rescue() == 1
    assert twilio.consent(number) == "opted_out"


def _receipts_url(shop: Shop) -> str:
    """Return the URL that went out with a text."""
    texted = new_number()
    _form(shop, shop.webhooks["twilio"], _inbound(shop, texted, "JOIN"))
    shop.world.pump()
    sent = next(c for c in shop.world.sandbox.calls("twilio") if c["method"] == "POST")
    return str(sent["body"]["StatusCallback"]).partition("?")[0]


def _by_receipt_token(shop: Shop) -> str:
    return _receipts_url(shop)


def _by_path_token(shop: Shop) -> str:
    return f"{shop.webhooks['twilio']}/receipts"


@pytest.mark.parametrize("door", [_by_receipt_token, _by_path_token])
def test_the_receipts_door_is_for_receipts_alone(twilio: Shop, door: Callable[[Shop], str]) -> None:
    """R-15, R-32: its URL leaves the house with every text: no consent comes in by it."""
    url, number = door(twilio), new_number()
    settle(twilio.world)
    before = twilio.world.rows()
    for words in ("JOIN", "UNSTOP", "STOP"):
        assert _form(twilio, url, _inbound(twilio, number, words)) == 401
    assert twilio.world.rows() == before
    status = {"MessageSid": "SM1", "MessageStatus": "delivered", "SmsStatus": "delivered"}
    assert _form(twilio, url, status) == 200


def test_a_receipt_waits_for_the_table_too(twilio: Shop) -> None:
    """R-15, L-08: its token is not one of the connection's own, and good all the same."""
    wire = Wire(twilio.world)
    url = _receipts_url(twilio)
    status = {"MessageSid": "SM1", "MessageStatus": "delivered", "SmsStatus": "delivered"}
    assert _form(twilio, f"{url}?ref=none", status) == 200  # warm
    with wire.failing(away("dynamodb")):
        assert _form(twilio, f"{url}?ref=none", status) == 202
    assert twilio.world.rescue() == 1
