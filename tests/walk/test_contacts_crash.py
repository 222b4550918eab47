"""What keeps a customer in Ecomail dies at each of its requests: the same end."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from tests.walk.test_contacts import _balance as balance
from tests.walk.test_contacts import _earns as earns
from tests.world.crashes import Scene, dies_everywhere
from tests.world.exporting import Exporting, exporting, new_email
from tests.world.faults import VISIBILITY, Killed, Wire, kill_at, open_tasks, settle
from tests.world.mailbox import mailed, switch, verify
from tests.world.world import World

_names = itertools.count(1)


def _shop(house: World) -> Exporting:
    reward = {"points": 50, "take_back": True}
    return exporting(house, f"k{next(_names)}", newsletter_reward=reward)


def _row(house: World, kind: str) -> dict[str, str]:
    row = next(row for row in open_tasks(house) if f"#{kind}#" in row["pk"])
    return {"pk": row["pk"], "sk": row["sk"]}


def test_a_push_that_dies_anywhere_shows_the_newest_fields(house: World) -> None:
    """ECO-01, ECO-17, reliability 12: she stands in the list, and our write is no sign-up."""

    def stage() -> Scene:
        shop, email = _shop(house), new_email()
        shop.customer("c-1", email, attributes={"pin": "4711"})
        row = _row(house, "push_contact")

        def outcome() -> dict[str, Any]:
            told = [event["label"] for event in shop.events()]
            pin = shop.fields(email).get("ellity_pin")
            return {"pin": pin, "told": told, "points": balance(shop, "c-1")}

        return Scene(lambda times: house.run_task(row, times) and None, outcome)

    expected = {"pin": "4711", "told": ["pin"], "points": 0}
    assert dies_everywhere(Wire(house), house, stage, expected) >= 6


@pytest.mark.parametrize("joins", [True, False])
def test_a_reward_that_dies_anywhere_is_booked_once(house: World, joins: bool) -> None:
    """ECO-11, ECO-12, reliability 12: given once, taken back once, consent as she said."""

    def stage() -> Scene:
        shop, email = _shop(house), new_email()
        shop.form(email, joins=True)
        settle(house)
        shop.customer("c-1", email)
        if not joins:
            settle(house)
            earns(shop, "c-1", 30)
            settle(house)
            shop.form(email, joins=False)
        row = _row(house, "sync_subscriber")

        def outcome() -> dict[str, Any]:
            return {"points": balance(shop, "c-1"), "says": shop.consent(email, "email")}

        return Scene(lambda times: house.run_task(row, times) and None, outcome)

    points, says = (50, "opted_in") if joins else (30, "opted_out")
    expected = {"points": points, "says": says}
    assert dies_everywhere(Wire(house), house, stage, expected) >= 6


@pytest.mark.parametrize("mails", ["platform", "own"])
def test_an_event_that_dies_anywhere_is_told_or_parked(house: World, mails: str) -> None:
    """ECO-07, ECO-19, reliability 12: at most once, by whom it was left to; what nobody knows is
    parked, never lost in silence."""
    verify()
    shop, email, wire = exporting(house), new_email(), Wire(house)
    switch(shop, mails)
    teller, other = (mailed, shop.events) if mails == "own" else (shop.events, mailed)
    shop.customer("c-1", email)
    settle(house)
    kept = house.kept()
    seen: set[tuple[int, int]] = set()
    for number in itertools.count(1):
        house.back_to(kept)
        before = len(teller())
        earns(shop, "c-1", 10)
        row = _row(house, "emit_event")
        house.cold()
        try:
            with wire.failing(after=kill_at(number)):
                house.run_task(row)
            died = False
        except Killed:
            died = True
        house.cold()
        settle(house)
        told = len(teller()) - before
        assert not other()
        failures = house.body(shop.admin("GET", "/failures"))["items"]
        parked = [each["reason"] for each in failures]
        assert told + len(parked) >= 1, f"lost behind request {number}"
        assert told <= 1, f"told twice behind request {number}"
        assert set(parked) <= {"outcome_unknown"}
        seen.add((told, len(parked)))
        if not died:
            break
    assert (1, 0) in seen


def test_a_notice_that_dies_anywhere_is_told_once(house: World) -> None:
    """ECO-15, reliability 26: also where its event was told and gone before it came again."""
    shop, email, wire = (
        exporting(house, valid_for={"days": 9}, notice_days=3),
        new_email(),
        Wire(house),
    )
    shop.customer("c-1", email)
    earns(shop, "c-1", 10)
    settle(house)
    house.clock.advance(timedelta(days=6))
    house.hourly()
    while not any("#notify_expiry#" in row["pk"] for row in open_tasks(house)):
        house.relay()
        house.run_task(_row(house, "run_night"))
    kept = house.kept()
    for number in itertools.count(1):
        house.back_to(kept)
        before, row = len(shop.events()), _row(house, "notify_expiry")
        try:
            with wire.failing(after=kill_at(number)):
                house.run_task(row)
            died = False
        except Killed:
            died = True
        house.cold()
        settle(house)  # its event, if it was left, is told by now
        house.clock.advance(VISIBILITY)
        house.run_task(row, 2)
        settle(house)
        told = [event["label"] for event in shop.events()[before:]]
        assert told == ["expiry"], f"behind request {number}"
        if not died:
            break
    assert number > 3


def test_a_pin_whose_save_dies_anywhere_is_told_once(house: World) -> None:
    """ECO-09, reliability 12: the shop has no answer and saves her again, when it was told."""
    shop, wire = exporting(house), Wire(house)
    kept = house.kept()
    for number in itertools.count(1):
        house.back_to(kept)
        before, email = len(shop.events()), new_email()
        try:
            with wire.failing(after=kill_at(number)):
                shop.customer("c-1", email, attributes={"pin": "4711"})
            died = False
        except Killed:
            died = True
        house.cold()
        settle(house)
        shop.customer("c-1", email, attributes={"pin": "4711"})
        settle(house)
        assert len(shop.events()) - before == 1, f"behind request {number}"
        assert shop.fields(email)["ellity_pin"] == "4711"
        if not died:
            break
    assert number > 5


def test_a_sign_up_after_an_export_that_dies_anywhere(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-11, reliability 12: she stood there by us; her sign-up is counted and rewarded once."""
    monkeypatch.setattr("sandbox.clock.now", house.clock.now)

    def stage() -> Scene:
        shop, email = _shop(house), new_email()
        shop.customer("c-1", email)
        settle(house)
        house.clock.advance(timedelta(hours=1))
        shop.form(email, joins=True)
        row = _row(house, "sync_subscriber")

        def outcome() -> dict[str, Any]:
            return {"points": balance(shop, "c-1"), "says": shop.consent(email, "email")}

        return Scene(lambda times: house.run_task(row, times) and None, outcome)

    expected = {"points": 50, "says": "opted_in"}
    assert dies_everywhere(Wire(house), house, stage, expected) >= 6


@pytest.mark.parametrize("kind", ["sync_subscriber", "await_confirmation"])
def test_a_wait_for_her_confirmation_that_dies_anywhere(
    house: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """ECO-11, reliability 12: whoever dies over her registration, or over looking again, she is
    looked at until she confirms."""
    monkeypatch.setattr("sandbox.clock.now", house.clock.now)

    def stage() -> Scene:
        shop, email = _shop(house), new_email()
        shop.has_list(double_optin=True)
        shop.customer("c-1", new_email())  # her points are kept under another address of hers
        settle(house)
        shop.form(email, joins=True)
        if kind == "await_confirmation":
            sync = _row(house, "sync_subscriber")
            house.run_task(sync)
            house.pump()
            house.clock.advance(timedelta(minutes=18))
        (row,) = [r for r in house.rows("TB#") if f"#{kind}#" in r["pk"]]
        key = {"pk": row["pk"], "sk": row["sk"]}

        def outcome() -> dict[str, Any]:
            shop.confirms(email)
            for _ in range(2):
                house.clock.advance(timedelta(hours=5))
                house.sweep()
                settle(house)
            waiting = [r for r in house.rows("TB#") if "#await_confirmation#" in r["pk"]]
            return {"says": shop.consent(email, "email"), "waiting": len(waiting)}

        return Scene(lambda times: house.run_task(key, times) and None, outcome)

    expected = {"says": "opted_in", "waiting": 0}
    assert dies_everywhere(Wire(house), house, stage, expected) >= 4


def test_an_event_that_waits_for_an_earlier_one_dies_anywhere(house: World) -> None:
    """ECO-07, reliability 12: put off at each request, and told once all the same."""

    def stage() -> Scene:
        shop, email = _shop(house), new_email()
        shop.customer("c-1", email)
        settle(house)
        earns(shop, "c-1", 10, "one")
        earns(shop, "c-1", 20, "two")
        rows = [r for r in open_tasks(house) if r["kind"] == "emit_event"]
        last = max(rows, key=lambda row: int(row["payload"]["seq"]))
        key = {"pk": last["pk"], "sk": last["sk"]}
        house.run_task(key)  # it has its fields pushed first
        house.run_task(_row(house, "push_contact"))

        def outcome() -> list[str]:
            return [event["label"] for event in shop.events() if event["email"] == email]

        return Scene(lambda times: house.run_task(key, times) and None, outcome)

    assert dies_everywhere(Wire(house), house, stage, ["credit", "credit"]) >= 4
