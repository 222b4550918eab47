"""A merchant moves to another time zone: his day does not begin again, whatever the clocks say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from concord.domain.points.programme import Programme, Validity
from tests.walk.test_orders import Till
from tests.world.faults import settle
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.world import World

EAST, WEST = "Pacific/Kiritimati", "Pacific/Honolulu"


def moved_west(house: World) -> Loyalty:
    """Return a merchant whose night is done, and who then moves to where that day has not begun."""
    loyalty = Loyalty(house, zone=EAST)
    loyalty.becomes(loyalty.today + ONE_DAY, 8)
    loyalty.night()
    loyalty.moves_to(WEST)
    assert loyalty.through() == (loyalty.today + ONE_DAY).isoformat()
    return loyalty


def hours(house: World, days: int) -> None:
    """Let days go by, with the schedule of every hour."""
    for _ in range(24 * days):
        house.clock.advance(timedelta(hours=1))
        house.hourly()
        settle(house)


def adjusts(house: World, points: int) -> date:
    """Give points by hand; returns the day on which they were booked."""
    path = "/v1/merchants/m1/programmes/main/accounts/ann/adjustments"
    answer = house.admin("POST", path, {"amount": points, "reason": "r", "actor": "a"})
    assert answer["statusCode"] == 201
    return date.fromisoformat(house.body(answer)["on"])


def test_nothing_is_booked_on_a_day_that_was_reported(house: World) -> None:
    """L-03, reliability 21: the report of that day is made once; what came after it would be in
    none, and every day from then on would close wrong."""
    loyalty = moved_west(house)
    day = loyalty.today
    assert adjusts(house, 50) == day + ONE_DAY
    hours(house, 4)
    reports = [loyalty.report(day + timedelta(days=number)) for number in range(4)]
    assert [each and (each.moved["adjusted"], each.closing) for each in reports] == [
        (0, 0),
        (50, 50),
        (0, 50),
        (0, 50),
    ]


def test_the_days_go_on_where_the_new_zone_has_caught_up(house: World) -> None:
    """L-03, ECO-15: from then on they are the new zone's, also after he moved once more."""
    loyalty = moved_west(house)
    loyalty.moves_to("Pacific/Pago_Pago")
    day = loyalty.today
    assert [adjusts(house, 1), day] == [day + ONE_DAY, day]
    loyalty.becomes(day + 2 * ONE_DAY, 1)
    assert adjusts(house, 1) == day + 2 * ONE_DAY


@pytest.mark.parametrize("pending", [0, 1, 2])
def test_no_hint_is_put_where_the_night_is_over(house: World, pending: int) -> None:
    """R-19, R-20: what waits counts, and what ends goes, once the merchant's days come to it."""
    till = Till(house.shop())
    rules = Programme("m1", "main", "Main", "USD", pending_days=pending)
    till.programme = rules
    till.rules(valid_for=Validity(days=1), pending_days=pending)
    loyalty = Loyalty.of(house, "m1", EAST)
    loyalty.becomes(loyalty.today + ONE_DAY, 8)
    loyalty.night()
    loyalty.moves_to(WEST)
    till.order()
    assert till.account().balance + till.account().pending_points == 43
    hours(house, 2 + pending)
    kinds = [str(kind) for kind, _ in till.moved()]
    assert kinds[-1] == "expire"
    assert (till.account().balance, till.account().pending_points) == (0, 0)
