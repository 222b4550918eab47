"""Times: the text form, and the moment from which a signal counts."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.times import STALE_OPT_OUT, effective_at, from_rfc3339, to_rfc3339

NOW = datetime(2026, 3, 1, 12, 0, 5, 250_000, tzinfo=UTC)
TICK = timedelta(microseconds=1)
WHOLE = NOW.replace(microsecond=0)
aware = st.datetimes(timezones=st.timezones() | st.just(UTC))
instants = st.integers(0, 10**15).map(lambda n: datetime(2000, 1, 1, tzinfo=UTC) + n * TICK)

TABLE = [
    ("no time of its own", None, False, NOW),
    ("the same moment", NOW, False, NOW),
    ("a moment in the future", NOW + TICK, False, NOW),
    ("a year in the future", NOW + timedelta(days=365), False, NOW),
    ("the future, live opt-out", NOW + timedelta(days=365), True, NOW),
    ("a moment ago", NOW - TICK, False, NOW - TICK),
    ("this whole second: refined", WHOLE, False, NOW),
    ("this whole second, live opt-out", WHOLE, True, NOW),
    ("a whole second before this one", WHOLE - timedelta(seconds=1), False, None),
    ("that second, live opt-out: to its end", WHOLE - timedelta(seconds=1), True, WHOLE - TICK),
    ("that second and more, live opt-out", WHOLE - timedelta(seconds=1) + TICK, True, None),
    ("this second, not a whole one", WHOLE + TICK, False, None),
    ("23:59:59.999999 ago, live opt-out", NOW - STALE_OPT_OUT + TICK, True, None),
    ("24 h ago, live opt-out", NOW - STALE_OPT_OUT, True, None),
    ("over 24 h ago, live opt-out", NOW - STALE_OPT_OUT - TICK, True, NOW),
    ("1970, live opt-out", datetime(1970, 1, 1, tzinfo=UTC), True, NOW),
    ("over 24 h ago, anything else", NOW - STALE_OPT_OUT - TICK, False, None),
    ("1970, anything else", datetime(1970, 1, 1, tzinfo=UTC), False, None),
]


@pytest.mark.parametrize(("occurred", "live", "expected"), [row[1:] for row in TABLE])
def test_effective_at(occurred: datetime | None, live: bool, expected: datetime | None) -> None:
    """TEA-18, R-06: the whole rule (None = it counts from when it occurred)."""
    assert effective_at(occurred, NOW, live_opt_out=live) == (expected or occurred)


def test_a_whole_second_received_on_the_second() -> None:
    """R-06: received on the very second, there is nothing to refine."""
    assert effective_at(WHOLE, WHOLE) == WHOLE
    assert effective_at(WHOLE, WHOLE + timedelta(seconds=1) - TICK) == WHOLE + timedelta(
        microseconds=999_999
    )
    assert effective_at(WHOLE, WHOLE + timedelta(seconds=1)) == WHOLE


def test_stop_and_join_of_one_second_keep_their_order() -> None:
    """TEA-17: a source that knows only seconds does not mix up what we received in order."""
    first = effective_at(WHOLE, WHOLE + timedelta(milliseconds=100))
    second = effective_at(WHOLE, WHOLE + timedelta(milliseconds=900))
    assert first < second


@given(st.none() | aware, instants, st.booleans())
def test_nothing_counts_from_after_it_was_received(
    occurred: datetime | None, received: datetime, live: bool
) -> None:
    """R-06: no clock of theirs reaches into the future; a live opt-out is of today."""
    found = effective_at(occurred, received, live_opt_out=live)
    assert found <= received
    if found not in (received, occurred):
        assert live
        assert occurred is not None
        assert occurred.microsecond == 0
        assert found == occurred + timedelta(microseconds=999_999)
    if live:
        assert received - found <= STALE_OPT_OUT


late = st.integers(0, 10**7).map(lambda n: n * TICK)


@given(instants.map(lambda at: at.replace(microsecond=0)), late, late)
def test_an_opt_out_holds_against_anything_of_its_second(
    second: datetime, out_late: timedelta, back_late: timedelta
) -> None:
    """TEA-18: a source of whole seconds cannot say who was first, so the opt-out wins.

    Unless we received it first and both within their second: then we know their order.
    """
    out = effective_at(second, second + out_late, live_opt_out=True)
    back = effective_at(second, second + back_late)
    assert out >= back or (out_late < back_late < timedelta(seconds=1))


@given(instants, instants)
def test_text_sorts_like_time(a: datetime, b: datetime) -> None:
    """R-03: every key and record may compare times as text, and reads back the same moment."""
    assert (to_rfc3339(a) < to_rfc3339(b)) is (a < b)
    assert from_rfc3339(to_rfc3339(a)) == a


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000000Z"),
        ("2026-03-01T12:00:00.5+01:00", "2026-03-01T11:00:00.500000Z"),
        ("2026-03-01 12:00:00-05:30", "2026-03-01T17:30:00.000000Z"),
        ("0099-03-01T12:00:00Z", "0099-03-01T12:00:00.000000Z"),
    ],
)
def test_rfc3339(text: str, expected: str) -> None:
    """R-03: any offset in, UTC with microseconds and a four-digit year out."""
    assert to_rfc3339(from_rfc3339(text)) == expected


def test_to_rfc3339_reads_any_zone() -> None:
    """R-03: records hold UTC whatever the clock's zone is."""
    zone = timezone(timedelta(hours=2))
    assert to_rfc3339(datetime(2026, 3, 1, 1, 0, tzinfo=zone)) == "2026-02-28T23:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T12:00:00",
        "2026-13-01T12:00:00Z",
        "2026-03-01T12:00:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-03-01T12:00:00+99:99",
    ],
)
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    """R-24: a hostile time is a wrong field and never a crash."""
    with pytest.raises(ValueError, match=r".*"):
        from_rfc3339(text)


@given(st.text() | aware.map(lambda at: at.isoformat()))
def test_parsing_is_total(text: str) -> None:
    """R-24: a time in UTC, or ValueError."""
    with contextlib.suppress(ValueError):
        assert from_rfc3339(text).tzinfo is UTC
