"""Every recorded input of events/webhooks goes through the real handler, and its effect is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.world.shop import Shop
from tests.world.signing import signed
from tests.world.world import World

EVENTS = Path(__file__).resolve().parents[2] / "events" / "webhooks"
SHOPPER, OURS = "+15551230000", "+15558880100"
# file -> what is known of the shopper's number after it, from `unknown` on
TEXT_EM_ALL = {
    "inbound_text": "unknown",
    "inbound_text__join": "opted_in",
    "inbound_text__stop": "opted_out",
    "inbound_text__unstop": "opted_in",
    "inbound_text__help": "unknown",
    "inbound_text__digits": "opted_out",
    "delivery__delivered": "unknown",
    "delivery__failed": "unknown",
    "delivery__accepted": "unknown",
    "delivery__sent": "unknown",
    "delivery__reassigned": "unknown",
    "delivery__opted_out": "unknown",
}
CATAPULT = {
    "consent__opt_in": "pending",
    "consent__opt_out": "opted_out",
}


def _deliver(shop: Shop, platform: str, name: str) -> dict[str, Any]:
    body = json.loads((EVENTS / platform / f"{name}.json").read_text())["body"]
    path = shop.webhooks[platform].split("/test", 1)[1]
    headers = signed(shop.webhook_secret, body, name, datetime.now(UTC))
    return shop.world.receive(path, body.encode(), headers)


@pytest.mark.parametrize(("name", "state"), TEXT_EM_ALL.items())
def test_text_em_all(house: World, name: str, state: str) -> None:
    """TEA-13, TEA-17, TEA-18: answered 204, the state follows, and twice is once."""
    shop = house.shop(text_number=OURS)

    first = _deliver(shop, "text_em_all", name)
    rows = _without_leases(house)
    again = _deliver(shop, "text_em_all", name)

    assert (first["statusCode"], again["statusCode"]) == (204, 204)
    assert shop.consent(SHOPPER) == state
    assert _without_leases(house) == rows


@pytest.mark.parametrize(("name", "state"), CATAPULT.items())
def test_catapult(house: World, name: str, state: str) -> None:
    """TEA-15, TEA-19: what CATAPULT reports by webhook counts like what it asks and waits for."""
    shop = house.shop(text_number=OURS)

    answer = _deliver(shop, "catapult", name)

    assert answer["statusCode"] == 204
    assert shop.consent(SHOPPER) == state


def test_aws_two_way(house: World) -> None:
    """TEA-17: a STOP that AWS received comes by the queue; the carrier confirms it."""
    sender = {"platform": "aws", "from": OURS, "credentials": {}, "answers_stop": True}
    shop = house.shop(sender=sender)
    text = json.loads((EVENTS / "aws_messaging" / "two_way__stop.json").read_text())["body"]

    assert house.receive_sms(json.loads(text)) == []
    assert house.receive_sms(json.loads(text)) == []
    house.pump()

    assert shop.consent(SHOPPER) == "opted_out"
    assert shop.contact(SHOPPER) is False
    assert shop.inbox_of(SHOPPER) == []
    assert len([r for r in house.rows("C#") if r["sk"].startswith("E#")]) == 1


def test_every_recorded_event_is_walked() -> None:
    """A file without an expectation here would prove nothing of the handler."""
    there = {path.stem for path in (EVENTS / "text_em_all").glob("*.json")}
    # Their own field names need a field map in the settings: the conformance suite has it.
    assert there - set(TEXT_EM_ALL) == {"inbound_text__their_names", "delivery__their_words"}
    assert {p.stem for p in (EVENTS / "catapult").glob("*.json")} - set(CATAPULT) == {
        "consent__email_opt_out"
    }


@pytest.mark.parametrize("header", ["webhook-signature", "webhook-id", "webhook-timestamp"])
def test_without_proof_nothing_is_read(house: World, header: str) -> None:
    """R-24: a missing header, and then a changed body, are refused before anything is stored."""
    shop = house.shop(text_number=OURS)
    before = house.rows()
    body = json.loads((EVENTS / "text_em_all" / "inbound_text__stop.json").read_text())["body"]
    path = shop.webhooks["text_em_all"].split("/test", 1)[1]
    headers = signed(shop.webhook_secret, body, "e-1", datetime.now(UTC))
    missing = {name: value for name, value in headers.items() if name != header}

    assert house.receive(path, body.encode(), missing)["statusCode"] == 401
    assert house.receive(path, body.replace("STOP", "JOIN").encode(), headers)["statusCode"] == 401
    assert house.rows() == before


def _without_leases(house: World) -> list[dict[str, Any]]:
    return sorted(house.rows(), key=lambda row: (row["pk"], row["sk"]))
