"""What waits in the safety queue comes home whatever changed meanwhile, or stays for a person."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest

from concord.domain.events import RawRequest
from concord.domain.inbox import RequestKind, SafetyMessage
from concord.platforms.twilio.signature import sign
from tests.sandbox.harness import BASE as SANDBOX
from tests.world.emf import emitted
from tests.world.faults import Wire, away
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.world import PREFIX, World

SID, TOKEN = "AC" + "1" * 32, "auth-token-of-twilio"


def _rotated_twice(shop: Shop, what: str) -> None:
    """Rotate at once, and again: the first one is not even the one before."""
    for _ in range(2):
        shop.world.clock.advance(timedelta(seconds=5))
        done = shop.admin("POST", "/rotate", {"what": what, "grace_seconds": 0})
        assert done["statusCode"] == 200
    shop.world.cold()


def _bodies(house: World, state: str) -> list[dict[str, Any]]:
    return [row for row in house.rows("I#") if row["state"] == state]


# --- secrets that changed while it waited ----------------------------------------------------


@pytest.mark.parametrize("what", ["token", "webhook_secret"])
@pytest.mark.parametrize("cold", [False, True], ids=["verified", "unverified"])
def test_a_stop_is_measured_by_what_counted_when_it_came(shop: Shop, what: str, cold: bool) -> None:
    """TEA-22, R-32: answered 202, then both secrets were replaced: the STOP is applied."""
    house, wire, person = shop.world, Wire(shop.world), Person(shop).texts("JOIN")
    deliver = person.text("STOP")
    if cold:
        house.cold()
    with wire.failing(away("dynamodb")):
        assert deliver(1)["statusCode"] == 202
    _rotated_twice(shop, what)

    assert house.rescue() == 1
    assert shop.consent(person.number) == "opted_out"
    assert deliver(1)["statusCode"] == 401  # what comes now is measured by what counts now


def test_an_opt_out_at_the_till_survives_a_new_connect_key(shop: Shop) -> None:
    """TEA-22, R-32: the key was good when the cashier pressed the button."""
    number, wire = new_number(), Wire(shop.world)
    body = {"event_id": "e-1", "action": "opt_out", "channel": "sms", "via": "pos", "point": number}
    with wire.failing(away("dynamodb")):
        assert shop.connect("POST", "/consents", body)["statusCode"] == 503
    _rotated_twice(shop, "connect_key")

    assert shop.world.rescue() == 1
    [state] = [row for row in shop.world.rows("C#") if row.get("point") == number]
    assert "out_at" in state["marks"]


def _with_twilio(house: World) -> tuple[Shop, dict[str, Any]]:
    sender = {
        "platform": "twilio",
        "base_url": f"{SANDBOX}/twilio",
        "from": new_number(),
        "credentials": {"account_sid": SID, "auth_token": TOKEN},
        "answers_stop": True,
    }
    return house.shop(sender=sender), sender


def _by_twilio(shop: Shop, to: str, number: str, words: str) -> int:
    url = shop.webhooks["twilio"]
    form = {"MessageSid": f"SM{new_number()}", "From": number, "To": to, "Body": words}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": sign(TOKEN, url, form.items()),
    }
    answer = shop.world.receive(url.split("/test", 1)[1], urlencode(form).encode(), headers)
    return int(answer["statusCode"])


@pytest.mark.parametrize("cold", [False, True], ids=["verified", "unverified"])
def test_a_stop_survives_new_credentials(house: World, cold: bool) -> None:
    """TEA-22: Twilio signs with the auth token, and an operator gave us another one meanwhile."""
    wire = Wire(house)
    shop, sender = _with_twilio(house)
    number = new_number()
    assert _by_twilio(shop, sender["from"], number, "JOIN") == 200
    if cold:
        house.cold()
    with wire.failing(away("dynamodb")):
        assert _by_twilio(shop, sender["from"], number, "STOP") == 202
    changed = {**sender, "credentials": {"auth_token": "another-one"}}
    assert shop.admin("PATCH", "", {"settings": {"sender": changed}})["statusCode"] == 200
    house.cold()

    assert house.rescue() == 1
    assert shop.consent(number) == "opted_out"
    assert _by_twilio(shop, sender["from"], number, "JOIN") == 401


# --- what is refused -------------------------------------------------------------------------


def test_what_was_proven_and_is_refused_now_waits_for_a_person(
    house: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """TEA-22, R-24: the sender was told 202; its platform left the connection: kept, alarmed."""
    wire = Wire(house)
    shop, sender = _with_twilio(house)
    number = new_number()
    assert _by_twilio(shop, sender["from"], number, "JOIN") == 200
    with wire.failing(away("dynamodb")):
        assert _by_twilio(shop, sender["from"], number, "STOP") == 202
    assert shop.admin("PATCH", "", {"settings": {"sender": None}})["statusCode"] == 200
    house.cold()
    capsys.readouterr()

    assert house.rescue() == 1
    out = capsys.readouterr().out
    assert (emitted(out, "WebhookFailed"), emitted(out, "RescueRefused")) == (1, 1)
    [kept] = _bodies(house, "failed")
    assert (kept["kind"], kept["platform"], kept["error"]) == ("webhook", "twilio", "unauthorized")
    assert b"STOP" in kept["body"]

    back = shop.admin("PATCH", "", {"settings": {"sender": sender}})
    assert back["statusCode"] == 200
    house.cold()
    replayed = house.admin("POST", f"/v1/merchants/m1/inbox/{kept['inbox_id']}/replay")
    assert replayed["statusCode"] == 200
    assert shop.consent(number) == "opted_out"


def _waits(house: World, shop: Shop, credential: str, *, verified: bool, **more: Any) -> None:
    """Put a departure into the safety queue, as ConnectApi does."""
    at = house.clock.now()
    request = RawRequest("DELETE", {}, b"", at, "", (), "")
    house.parts.safety.put(
        SafetyMessage(
            kind=RequestKind.SHOPPER,
            connection_id=shop.connection_id,
            request=request,
            verified=verified,
            topic="s-1",
            credential_hash=credential,
            **more,
        )
    )


def test_a_departure_that_is_refused_can_be_replayed(shop: Shop) -> None:
    """TEA-22, R-24: proven then, by a key that is forgotten now: kept, and applied by replay."""
    house, number = shop.world, new_number()
    assert shop.connect("PUT", "/shoppers/s-1", {"phones": [number]})["statusCode"] == 201
    _waits(house, shop, "f" * 64, verified=True)

    assert house.rescue() == 1
    [kept] = _bodies(house, "failed")
    assert (kept["kind"], kept["topic"]) == ("shopper", "s-1")
    assert shop.consent(number) == "unknown"

    house.admin("POST", f"/v1/merchants/m1/inbox/{kept['inbox_id']}/replay")
    assert shop.consent(number) == "opted_out"
    assert _bodies(house, "failed") == []


def test_strangers_and_revoked_keys_leave_nothing_to_replay(shop: Shop) -> None:
    """R-32: a replay asks for no proof, so nothing of these may be there for it.

    A process that slept since before a rotation may have taken the old key for good.
    """
    house = shop.world
    old = next(s.hash for s in house.parts.connections.get(shop.connection_id).connect_keys)  # type: ignore[union-attr]
    _rotated_twice(shop, "connect_key")
    house.clock.advance(timedelta(seconds=5))
    before = house.rows()

    _waits(house, shop, old, verified=True)
    _waits(house, shop, "f" * 64, verified=False)

    assert house.rescue() == 2
    assert house.rows() == before


def test_an_opt_out_with_a_number_that_is_none_waits_for_a_person(shop: Shop) -> None:
    """TEA-22: nobody could be told `invalid_phone` while the table was away."""
    body = {"event_id": "e-1", "action": "opt_out", "channel": "sms", "via": "pos", "point": "12"}
    wire = Wire(shop.world)
    with wire.failing(away("dynamodb")):
        assert shop.connect("POST", "/consents", body)["statusCode"] == 503

    assert shop.world.rescue() == 1
    [kept] = _bodies(shop.world, "failed")
    assert (kept["kind"], kept["error"]) == ("connect", "invalid_phone")
    assert json.loads(kept["body"])["point"] == "12"


# --- texts that come by a topic --------------------------------------------------------------


def test_a_stop_by_topic_waits_for_the_stack_key(house: World) -> None:
    """TEA-22, L-08: AWS sends a text once: without the stack key it is kept, not sent back."""
    number, stopped = "+18005550123", new_number()
    shop = house.shop(sender={"platform": "aws", "from": number, "answers_stop": True})
    text = {"originationNumber": stopped, "destinationNumber": number, "messageBody": "STOP"}
    ssm, name = boto3.client("ssm"), f"{PREFIX}/stack-key"
    key = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    house.cold()

    assert house.receive_sms({**text, "inboundMessageId": "i-1"}) == []
    assert house.rescue() == 0  # still without the key

    ssm.put_parameter(Name=name, Value=key, Type="SecureString")
    house.cold()
    assert house.rescue() == 1
    assert shop.consent(stopped) == "opted_out"
