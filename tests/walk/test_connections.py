"""What a connection takes and does in each state of its life, and what it says when it fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world.faults import Wire, away, open_tasks, settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.world import World

PATHS = {
    "requested": (),
    "pending": ("pending",),
    "paused": ("pending", "connected", "paused"),
    "disconnected": ("pending", "connected", "disconnected"),
}
DEAF = ("requested", "pending", "disconnected")


def _call(shop: Shop, action: str, point: str, **more: Any) -> dict[str, Any]:
    body = {"event_id": new_number(), "action": action, "channel": "sms", "via": "pos", **more}
    return shop.connect("POST", "/consents", {**body, "point": point})


def _platform_calls(shop: Shop) -> list[tuple[str, str]]:
    calls = shop.world.sandbox.calls("catapult") + shop.world.sandbox.calls("text_em_all")
    return [(c["method"], c["path"]) for c in calls]


def _quiet_shop(house: World, state: str) -> Shop:
    """Return a shop in this state whose platforms have not been called since it got there."""
    shop = house.shop(states=PATHS[state])
    settle(house) if state != "paused" else house.pump()
    house.sandbox.post("/_reset")
    return shop


@pytest.mark.parametrize("state", PATHS)
def test_opt_outs_are_applied_in_every_state(house: World, state: str) -> None:
    """TEA-01: handset and till: suppressed before the answer; no call to a platform follows."""
    shop = _quiet_shop(house, state)
    by_text, by_till = Person(shop), Person(shop)

    assert by_text.text("STOP")(1)["statusCode"] == 204
    assert _call(shop, "opt_out", by_till.number)["statusCode"] == 200

    assert shop.consent(by_text.number) == "opted_out"
    assert shop.consent(by_till.number) == "opted_out"
    house.pump()
    assert _platform_calls(shop) == []
    assert shop.inbox_of(by_text.number) == []


@pytest.mark.parametrize("state", DEAF)
def test_other_signals_are_kept_without_effect(house: World, state: str) -> None:
    """TEA-01: webhook 204 and the body kept; Connect, imports and shoppers 409; no side effect."""
    shop = _quiet_shop(house, state)
    person = Person(shop)
    assert person.text("JOIN")(1)["statusCode"] == 204
    before = [r for r in house.rows() if not r["pk"].startswith(("I#", "X#"))]

    refused = [
        _call(shop, "opt_in", person.number),
        shop.connect("PUT", "/shoppers/s-1", {"phones": [person.number]}),
        shop.admin(
            "POST",
            "/consent-imports",
            {"import_id": "i-1", "attestation": "forms", "rows": [{"point": person.number}]},
        ),
    ]

    assert [answer["statusCode"] for answer in refused] == [409, 409, 409]
    codes = {house.body(answer)["code"] for answer in refused}
    assert codes == {"connection_not_connected"}
    assert [r for r in house.rows() if not r["pk"].startswith(("I#", "X#"))] == before
    kept = [row["state"] for row in house.rows("I#")]
    assert "kept" in kept or state != "disconnected"
    assert shop.consent(person.number) == "unknown"
    house.pump()
    assert ("POST", "/text_em_all/v1/conversations") not in _platform_calls(shop)
    assert not [path for method, path in _platform_calls(shop) if method == "PUT"]


@pytest.mark.parametrize("state", ["requested", "pending"])
def test_what_was_suppressed_early_is_told_once_connected(house: World, state: str) -> None:
    """TEA-01, TEA-22: an opt-out that came before the connection reaches both sides with it."""
    shop = _quiet_shop(house, state)
    person = Person(shop)
    person.text("STOP")(1)
    house.pump()
    assert open_tasks(house)

    for following in PATHS["paused"][len(PATHS[state]) : 2]:
        shop.move(following)
    settle(house)

    assert shop.contact(person.number) is False
    assert shop.phones(person.id) == {person.number: False}


def test_each_transition_is_audited_and_the_last_is_final(house: World) -> None:
    """TEA-01: requested, pending, connected, paused, connected, disconnected; nothing after it."""
    shop = house.shop(states=("pending", "connected", "paused", "connected", "disconnected"))
    audit = house.body(shop.admin("GET", "/audit"))["items"]
    moves = [(a["details"]["from"], a["details"]["to"]) for a in audit if "from" in a["details"]]
    assert moves[::-1] == [
        ("requested", "pending"),
        ("pending", "connected"),
        ("connected", "paused"),
        ("paused", "connected"),
        ("connected", "disconnected"),
    ]
    again = shop.admin("POST", "/state", {"state": "connected"})
    assert (again["statusCode"], house.body(again)["code"]) == (409, "invalid_transition")


def test_a_disconnected_pair_may_be_linked_again_and_opt_outs_stay(house: World) -> None:
    """TEA-02, TEA-01: 409 names the live link; once it is over, the history goes on blocking."""
    first = house.shop()
    person = Person(first).texts("JOIN")
    person.texts("STOP")
    body = house.body(first.admin("GET"))
    taken = house.admin("POST", "/v1/merchants/m1/connections", _another(body))
    assert taken["statusCode"] == 409
    assert first.connection_id in taken["body"]

    first.move("disconnected")
    second = house.shop()
    assert second.connection_id != first.connection_id
    assert second.consent(person.number) == "opted_out"
    assert house.body(_call(second, "opt_in", person.number))["code"] == "must_text_unstop"


def _another(connection: dict[str, Any]) -> dict[str, Any]:
    """Return the body that would make the same link a second time."""

    def side(name: str, credentials: dict[str, str]) -> dict[str, Any]:
        known = connection[name]
        kept = {field: known[field] for field in ("platform", "account_id", "base_url")}
        return {**kept, "credentials": credentials}

    return {
        "integration": connection["integration"],
        "source": side("source", {"api_key": "k"}),
        "destination": side(
            "destination", {"consumer_key": "a", "consumer_secret": "b", "access_token": "c"}
        ),
    }


def test_with_several_accounts_every_record_says_which(house: World) -> None:
    """TEA-04, TEA-03: only after `allow_multi_link`; consent is per account, evidence names it."""
    east = house.shop()
    allowed = house.admin("PUT", "/v1/merchants/m1/allow-multi-link", {"allowed": True})
    assert allowed["statusCode"] == 200
    west = house.shop(messaging="west")
    number = new_number()
    for shop in (east, west):
        assert shop.texts(number, "JOIN").status_code == 204
    assert west.texts(number, "STOP").status_code == 204
    house.pump()

    assert (east.consent(number), west.consent(number)) == ("opted_in", "opted_out")
    for shop, account, events in ((east, "tea-m1", 1), (west, "tea-west", 2)):
        found = house.body(
            shop.admin("POST", "/consents/lookup", {"channel": "sms", "point": number})
        )
        assert len(found["events"]) == events
        assert found["account"] == f"text_em_all:{account}"
        chained = [r for r in house.rows("C#") if r["sk"].startswith("E#") and account in r["pk"]]
        assert len(chained) == events
        assert all(f"text_em_all:{account}" in str(row["record"]) for row in chained)


# --- the number to text ----------------------------------------------------------------------


def _fallback(shop: Shop, wire: Wire) -> str:
    """Return the number that a cashier is told while the table is away."""
    shop.world.cold()
    shop.consent(new_number())  # a function that has seen the connection once
    with wire.failing(away("dynamodb")):
        answer = _call(shop, "opt_out", new_number())
    return str(shop.world.body(answer)["fallback"]["number"])


def test_the_fallback_number(shop: Shop) -> None:
    """TEA-23: the account's first number, whatever comes later; an override wins; null returns."""
    house, wire = shop.world, Wire(shop.world)
    assert _fallback(shop, wire) == shop.text_number

    newer = f"+1444{shop.text_number[5:]}"  # lower as a number, later as a TextNumberID
    numbers = [shop.text_number, newer]
    house.sandbox.seed("text_em_all", shop.tea_account, text_numbers=numbers)
    assert shop.admin("POST", "/check")["statusCode"] == 200
    assert _fallback(shop, wire) == shop.text_number

    override = new_number()
    changed = shop.admin("PATCH", "", {"settings": {"fallback_number": override}})
    assert changed["statusCode"] == 200
    assert _fallback(shop, wire) == override

    wrong = shop.admin("PATCH", "", {"settings": {"fallback_number": "12"}})
    assert (wrong["statusCode"], house.body(wrong)["code"]) == (422, "invalid_phone")
    assert _fallback(shop, wire) == override

    shop.admin("PATCH", "", {"settings": {"fallback_number": None}})
    assert _fallback(shop, wire) == shop.text_number
