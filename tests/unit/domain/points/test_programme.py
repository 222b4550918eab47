"""What is earned, and how long it can be used: month ends, leap days, rounding."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.points.programme import MonthEnd, Programme, Rounding, Validity

SAME, LAST = MonthEnd.SAME_DAY, MonthEnd.LAST_DAY
days = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def programme(**more: object) -> Programme:
    return Programme("shop", "main", "Points", "EUR", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("granted", "months", "month_end", "last_day"),
    [
        ("2026-01-15", 1, SAME, "2026-02-15"),
        ("2026-01-31", 1, SAME, "2026-02-28"),
        ("2028-01-31", 1, SAME, "2028-02-29"),
        ("2026-01-31", 3, SAME, "2026-04-30"),
        ("2026-08-31", 6, SAME, "2027-02-28"),
        ("2028-02-29", 12, SAME, "2029-02-28"),
        ("2028-02-29", 48, SAME, "2032-02-29"),
        ("2028-02-28", 12, SAME, "2029-02-28"),
        ("2026-12-31", 2, SAME, "2027-02-28"),
        ("2099-12-31", 2, SAME, "2100-02-28"),  # 2100 is no leap year
        ("2026-11-01", 1, LAST, "2026-12-31"),
        ("2026-12-05", 1, LAST, "2027-01-31"),
        ("2026-01-30", 1, LAST, "2026-02-28"),
        ("2028-01-01", 1, LAST, "2028-02-29"),
        ("2028-02-29", 12, LAST, "2029-02-28"),
        ("2027-02-28", 12, LAST, "2028-02-29"),
    ],
)
def test_months_end_by_the_programmes_rule(
    granted: str, months: int, month_end: MonthEnd, last_day: str
) -> None:
    valid = Validity(months=months, month_end=month_end)
    assert valid.expires_on(date.fromisoformat(granted)) == date.fromisoformat(last_day)


@pytest.mark.parametrize(
    ("granted", "count", "last_day"),
    [
        ("2026-11-22", 0, "2026-11-22"),
        ("2026-11-22", 1, "2026-11-23"),
        ("2027-02-28", 1, "2027-03-01"),
        ("2028-02-28", 1, "2028-02-29"),
        ("2028-02-29", 365, "2029-02-28"),
        ("2027-03-01", 366, "2028-03-01"),
    ],
)
def test_days_are_counted(granted: str, count: int, last_day: str) -> None:
    valid = Validity(days=count)
    assert valid.expires_on(date.fromisoformat(granted)) == date.fromisoformat(last_day)


@given(days, st.integers(1, 120), st.sampled_from(MonthEnd))
def test_months_stay_in_their_month(granted: date, months: int, month_end: MonthEnd) -> None:
    """Whatever the day: the right month, never a day that a later grant would not reach."""
    valid = Validity(months=months, month_end=month_end)
    ends = valid.expires_on(granted)
    passed = (ends.year - granted.year) * 12 + ends.month - granted.month
    assert passed == months
    assert ends <= valid.expires_on(granted + timedelta(days=1))
    if month_end is LAST:
        assert (ends + timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("amount", "rate", "down", "half_up", "up"),
    [
        ("0", "1", 0, 0, 0),
        ("0.01", "1", 0, 0, 1),
        ("0.49", "1", 0, 0, 1),
        ("0.50", "1", 0, 1, 1),
        ("1.50", "1", 1, 2, 2),
        ("2.50", "1", 2, 3, 3),  # half up, never half even
        ("19.99", "1", 19, 20, 20),
        ("20.00", "1", 20, 20, 20),
        ("10", "1.5", 15, 15, 15),
        ("0.10", "3", 0, 0, 1),
        ("33.33", "0.03", 0, 1, 1),  # 0.9999
        ("1.15", "100", 115, 115, 115),  # 114.99999999999999 as a float
        ("9999999999.99", "1", 9_999_999_999, 10_000_000_000, 10_000_000_000),
        ("123456789012345678901234567890", "1", *[123456789012345678901234567890] * 3),
        ("-5.00", "1", 0, 0, 0),
    ],
)
def test_parts_of_a_point_go_by_the_programmes_rule(
    amount: str, rate: str, down: int, half_up: int, up: int
) -> None:
    """R-18: whole points only, computed exactly."""
    found = [
        programme(points_per_unit=Decimal(rate), rounding=rounding).earned(Decimal(amount))
        for rounding in (Rounding.DOWN, Rounding.HALF_UP, Rounding.UP)
    ]
    assert found == [down, half_up, up]
    assert {type(points) for points in found} == {int}


def test_a_return_window_begins_with_the_order_and_validity_with_its_end() -> None:
    """R-20: points count from the day on which the window is over."""
    waits = programme(pending_days=14, valid_for=Validity(months=1))
    usable = waits.usable_from(date(2026, 1, 17))
    assert usable == date(2026, 1, 31)
    assert waits.expires_on(usable) == date(2026, 2, 28)


def test_points_of_a_programme_without_validity_never_expire() -> None:
    assert programme().expires_on(date(2026, 1, 17)) is None
    assert programme().usable_from(date(2026, 1, 17)) == date(2026, 1, 17)
