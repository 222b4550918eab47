"""The day's report of a programme over the admin API."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import reduce
from typing import Any

import pytest

from concord.adapters.dynamodb.nights import DynamoDbReports
from concord.domain.points.night import NIGHT_SHARDS
from concord.domain.points.report import COLUMNS, DayReport, report_of
from tests.integration.admin.calls import MERCHANT, ok, refused
from tests.world.world import World

CLUB = "/v1/merchants/m1/programmes/club"


@pytest.fixture
def house(house: World) -> World:
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    ok(house, "PUT", CLUB, {"name": "Club", "currency": "USD"})
    return house


def keep(house: World, report: DayReport) -> None:
    """Store a report as the night does."""
    DynamoDbReports(house.parts.table).keep("m1", "club", report)


def test_a_report_tells_every_point_of_its_day(house: World) -> None:
    """L-03: what was adjusted over the API stands in the report that is made of its entries."""
    made: dict[str, Any] = {}
    for member, amount in (("a", 40), ("a", -15), ("b", 7)):
        body = {"amount": amount, "reason": "r", "actor": "dana"}
        made = ok(house, "POST", f"{CLUB}/accounts/{member}/adjustments", body)
    on = date.fromisoformat(made["on"])
    booked = house.parts.ledger.booked
    parts = [report_of(on, booked("m1", "club", on, n)) for n in range(NIGHT_SHARDS)]
    keep(house, replace(reduce(DayReport.and_also, parts), opening=100))
    shown = ok(house, "GET", f"{CLUB}/reports/{on}")
    assert shown == {
        **dict.fromkeys(COLUMNS, 0),
        "date": on.isoformat(),
        "opening": 100,
        "adjusted": 32,
        "closing": 132,
        "pending": 0,
        "entries": 3,
        "gaps": 0,
        "adds_up": True,
    }


def test_one_that_does_not_add_up_says_so(house: World) -> None:
    """L-03: columns are signed; a gap is told, and nothing is put right in silence."""
    moved = {**dict.fromkeys(COLUMNS, 0), "earned": 50, "expired": -20}
    keep(house, DayReport(date(2026, 11, 21), 10, moved, change=30, gaps=1, entries=2, pending=9))
    shown = ok(house, "GET", f"{CLUB}/reports/2026-11-21")
    assert (shown["earned"], shown["expired"], shown["closing"]) == (50, -20, 40)
    assert (shown["pending"], shown["gaps"], shown["adds_up"]) == (9, 1, False)


@pytest.mark.parametrize("day", ["today", "20261121", "2026-W47-6", "2026-02-30", "2026-11-21T00"])
def test_what_is_no_day_is_refused(house: World, day: str) -> None:
    """R-27: the field and the form of it."""
    wrong = (422, "invalid_request", ["date"])
    assert refused(house, "GET", f"{CLUB}/reports/{day}") == wrong


def test_a_report_is_of_one_programme(house: World) -> None:
    """R-32: no day before its night, and no other merchant's."""
    keep(house, DayReport(date(2026, 11, 21)))
    assert refused(house, "GET", f"{CLUB}/reports/2026-11-22")[:2] == (404, "not_found")
    for merchant in ("m2", "nobody"):
        path = f"/v1/merchants/{merchant}/programmes/club/reports/2026-11-21"
        assert refused(house, "GET", path)[:2] == (404, "not_found")
