"""Which local days are due, and what a night comes to at an account."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from concord.domain.points.account import Account, AccountKey, Lot, Pending
from concord.domain.points.night import Watched, begun, days_told, is_late, posting_of
from concord.domain.points.programme import MonthEnd, Programme, Validity

KEY = AccountKey("m", "p", "v1.a")
AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)

# A zone, and a UTC span of days in which its clocks change, or its days are far from UTC's.
CHANGES = [
    ("America/New_York", date(2026, 3, 6)),
    ("America/New_York", date(2026, 10, 30)),
    ("Europe/Prague", date(2026, 3, 27)),
    ("Europe/Prague", date(2026, 10, 23)),
    ("Africa/Cairo", date(2026, 4, 22)),  # at midnight: the day begins at one
    ("Africa/Cairo", date(2026, 10, 28)),  # at midnight: an hour of the day before comes again
    ("Australia/Lord_Howe", date(2026, 4, 3)),  # by half an hour
    ("America/Santiago", date(2026, 9, 4)),
    ("Asia/Kathmandu", date(2026, 2, 26)),
    ("Pacific/Honolulu", date(2026, 2, 26)),
    ("Pacific/Kiritimati", date(2028, 2, 26)),
]


@pytest.mark.parametrize(("zone", "first"), CHANGES)
@pytest.mark.parametrize("minute", [0, 9, 31, 59])
def test_each_local_day_has_one_night(zone: str, first: date, minute: int) -> None:
    """ECO-15: by date, not by hour: DST nights run once, and none is left out."""
    start = datetime(first.year, first.month, first.day, 0, minute, tzinfo=UTC)
    seen = [begun(start + n * HOUR, zone) for n in range(24 * 6)]
    days = sorted(set(seen))
    assert seen == sorted(seen), "the date went back"
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    whole = Counter(day for day in seen if day not in (days[0], days[-1]))
    assert set(whole.values()) <= {23, 24, 25}, "a day of 23 or 25 hours is one as well"


@pytest.mark.parametrize(
    ("as_of", "zone", "day"),
    [
        ("2026-11-22T10:09:59Z", "Pacific/Honolulu", date(2026, 11, 21)),
        ("2026-11-22T10:10:00Z", "Pacific/Honolulu", date(2026, 11, 22)),
        ("2026-11-21T10:09:59Z", "Pacific/Kiritimati", date(2026, 11, 21)),
        ("2026-11-21T10:10:00Z", "Pacific/Kiritimati", date(2026, 11, 22)),
        ("2028-02-29T05:10:00Z", "America/New_York", date(2028, 2, 29)),
        ("2026-03-01T05:10:00Z", "America/New_York", date(2026, 3, 1)),
    ],
)
def test_a_day_is_due_ten_minutes_after_it_began(as_of: str, zone: str, day: date) -> None:
    """R-19: merchants from Honolulu to Kiritimati; month ends, leap years."""
    assert begun(datetime.fromisoformat(as_of), zone) == day


@pytest.mark.parametrize(
    ("as_of", "late"),
    [("2026-11-22T10:59:59Z", False), ("2026-11-22T11:00:00Z", True), ("2026-12-30T00:00Z", True)],
)
def test_a_night_is_late_at_six_in_the_morning(as_of: str, late: bool) -> None:
    """R-31: of the oldest night that is not done, in the merchant's time."""
    merchant = Watched("m", "America/New_York", date(2026, 11, 21))
    assert is_late(merchant, datetime.fromisoformat(as_of)) is late


@pytest.mark.parametrize(
    ("granted", "month_end", "last_day"),
    [
        (date(2026, 1, 31), MonthEnd.SAME_DAY, date(2026, 2, 28)),
        (date(2028, 1, 31), MonthEnd.SAME_DAY, date(2028, 2, 29)),
        (date(2026, 1, 15), MonthEnd.LAST_DAY, date(2026, 2, 28)),
        (date(2026, 12, 31), MonthEnd.SAME_DAY, date(2027, 1, 31)),
    ],
)
def test_month_ends_expire_in_the_night_after(
    granted: date, month_end: MonthEnd, last_day: date
) -> None:
    """R-19: the last day of the month is a day on which they can be used."""
    on = Validity(months=1, month_end=month_end).expires_on(granted)
    assert on == last_day
    account = Account(KEY, 1, (Lot(on, 5),))
    assert posting_of(account, last_day, AT, last_day) is None
    gone = posting_of(account, last_day + timedelta(days=1), AT, last_day + timedelta(days=1))
    assert gone is not None
    assert gone.account.balance == 0


def test_what_waited_counts_before_what_is_over_goes() -> None:
    """R-20, R-19: in one posting; its entries follow one another."""
    night = date(2026, 11, 22)
    account = Account(
        KEY,
        4,
        (Lot(night - timedelta(days=1), 30), Lot(night, 2)),
        pending=(
            Pending("o-1", night, night + timedelta(days=9), 10),
            Pending("o-1", night, night + timedelta(days=9), 1),
            Pending("o-2", night + timedelta(days=1), night + timedelta(days=9), 100),
        ),
    )
    posting = posting_of(account, night, AT, night)
    assert posting is not None
    assert [(e.entry_id, e.points, e.seq, e.balance) for e in posting.entries] == [
        ("activate:o-1:2026-11-22", 11, 5, 43),
        ("expire:2026-11-22", -30, 6, 13),
    ]
    assert posting.hints == (date(2026, 12, 2),)
    assert posting_of(posting.account, night, AT, night) is None


def test_a_posting_has_room_in_its_transaction() -> None:
    """R-20: however many orders become active in one night."""
    night = date(2026, 11, 22)
    waiting = tuple(Pending(f"o-{n}", night, night + timedelta(days=30 + n), 10) for n in range(40))
    account, rounds = Account(KEY, 9, (Lot(date(2026, 1, 1), 1),), pending=waiting), 0
    while posting := posting_of(account, night, AT, night):
        # The account, its hint that goes, and the tasks of the posting.
        assert len(posting.entries) + len(posting.hints) <= 10 - 2 - 3
        account, rounds = posting.account, rounds + 1
    assert (account.balance, account.pending, rounds) == (400, (), 20)


def _programme(name: str, days: int | None) -> Programme:
    return Programme("m", name, name, "USD", Decimal(1), notice_days=days)


def test_programmes_of_one_number_of_days_are_read_together() -> None:
    """ECO-14: null = nobody is told; a night that is late tells what is still ahead."""
    programmes = [
        _programme(name, days) for name, days in [("a", 7), ("b", None), ("c", 7), ("d", 1)]
    ]
    night = date(2026, 11, 22)
    week = (7, frozenset({"a", "c"}))
    assert days_told(programmes, night, night) == [(1, frozenset({"d"})), week]
    assert days_told(programmes, night, night + timedelta(days=2)) == [week]
    assert days_told(programmes, night, night + timedelta(days=8)) == []
