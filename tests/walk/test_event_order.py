"""Changes of one balance are told in the order in which they were booked, if nothing is stuck."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.walk.test_contacts import _earns as earns
from tests.walk.test_orders import order
from tests.world.exporting import Exporting, exporting, new_email
from tests.world.faults import Request, Wire, open_tasks, settle
from tests.world.world import World


@pytest.fixture
def shop(house: World) -> Exporting:
    shop = exporting(house)
    shop.customer("c-1", new_email())
    settle(house)
    return shop


def _told(shop: Exporting) -> list[int]:
    values = (json.loads(e["value"]) for e in shop.events() if e["label"] == "credit")
    return [int(value["change"]) for value in values]


def _rows(house: World) -> list[dict[str, Any]]:
    """Return the events that are open, by their number."""
    rows = [row for row in open_tasks(house) if row["kind"] == "emit_event"]
    return sorted(rows, key=lambda row: int(row["payload"]["seq"]))


def _runs(house: World, row: dict[str, Any]) -> None:
    house.run_task({"pk": row["pk"], "sk": row["sk"]})


def _pushed(house: World) -> None:
    """Let the fields show the newest balance, and no event be told yet."""
    (row,) = [row for row in open_tasks(house) if row["kind"] == "push_contact"]
    _runs(house, row)


def _four_changes(shop: Exporting) -> list[dict[str, Any]]:
    for number, points in enumerate((10, 20, 30, 40)):
        earns(shop, "c-1", points, f"gift {number}")
    rows = _rows(shop.world)
    _runs(shop.world, rows[-1])  # it finds that its fields have to go first
    _pushed(shop.world)
    return rows


def test_whoever_comes_first_the_oldest_change_is_told_first(house: World, shop: Exporting) -> None:
    """ECO-07: the queue delivers the newest first."""
    rows = _four_changes(shop)
    for row in reversed(rows):
        _runs(house, row)
    assert _told(shop) == [10]
    settle(house)
    assert _told(shop) == [10, 20, 30, 40]


def test_a_change_of_nothing_in_between_hides_none(house: World, shop: Exporting) -> None:
    """ECO-07: an order that pends moves nothing, and has no event."""
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans"
    rules = {"name": "Beans", "currency": "CZK", "points_per_unit": "0.1", "pending_days": 14}
    answer = house.admin("PUT", path, rules)
    assert answer["statusCode"] == 200, answer
    earns(shop, "c-1", 10, "gift 1")
    sent = order("100.00", house.clock.now()) | {"customer": {"id": "c-1"}, "currency": "CZK"}
    answer = shop.connect("POST", "/orders", sent)
    assert answer["statusCode"] == 202, answer
    for row in [row for row in open_tasks(house) if row["kind"] == "settle_order"]:
        _runs(house, row)
    earns(shop, "c-1", 20, "gift 2")
    first, second = _rows(house)
    assert int(second["payload"]["seq"]) - int(first["payload"]["seq"]) == 2
    _runs(house, second)
    _pushed(house)
    _runs(house, second)
    assert _told(shop) == []
    settle(house)
    assert _told(shop) == [10, 20]


def test_what_is_stuck_holds_no_other_for_ever(house: World, shop: Exporting) -> None:
    """ECO-07: after two minutes the others go; what is parked holds nobody at all."""
    rows, wire = _four_changes(shop), Wire(house)

    def lost(request: Request) -> None:
        if request.name.endswith("/events"):
            raise httpx.ReadTimeout("no answer")

    with wire.failing(before=lost):
        _runs(house, rows[0])  # parked: nobody knows
    _runs(house, rows[2])
    assert _told(shop) == []
    _runs(house, rows[1])
    assert _told(shop) == [20]
    _runs(house, rows[3])
    assert _told(shop) == [20], "the one before it is open"
    house.clock.advance(timedelta(minutes=2))
    _runs(house, rows[3])
    assert _told(shop) == [20, 40]
    settle(house)
    assert sorted(_told(shop)) == [20, 30, 40]


def test_changes_that_ellity_tells_keep_their_order(house: World) -> None:
    """ECO-07: as those of an account."""
    shop = exporting(house, "m2", points_at_ellity=True)
    shop.customer("c-1", new_email())
    settle(house)
    for credit in (10, 30):
        shop.credit(credit, id="c-1")
    first, second = _rows(house)
    _runs(house, second)
    _pushed(house)
    _runs(house, second)
    assert _told(shop) == []
    settle(house)
    assert _told(shop) == [10, 20]
    assert first["pk"] != second["pk"]


def test_points_that_move_to_a_programme_of_ours_begin_anew(house: World) -> None:
    """ECO-10: Ellity told of many changes; the first of the programme waits for its own fields."""
    shop, email = exporting(house, "m2", points_at_ellity=True), new_email()
    shop.customer("c-1", email)
    for credit in (10, 20, 30, 40, 50):
        shop.credit(credit, id="c-1")
    settle(house)
    told = len(_told(shop))
    assert shop.admin("PATCH", "", {"settings": {"programme": "beans"}})["statusCode"] == 200
    house.clock.advance(timedelta(seconds=10))
    earns(shop, "c-1", 7, "welcome")
    (row,) = _rows(house)
    _runs(house, row)
    assert len(_told(shop)) == told, "the fields go first"
    settle(house)
    assert shop.fields(email)["ellity_credit_num"] == 7
    assert _told(shop)[told:] == [7]
