"""Frequency caps: booking in a bucket, and that no order of broadcasts exceeds them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.domain.caps import (
    KEPT,
    MOST_BITS,
    Cap,
    book,
    bucket_of,
    fingerprint,
    parse_cap,
)
from concord.domain.errors import InvalidInputError
from concord.domain.identity import Channel, point_id
from concord.domain.law import PACKS

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANA, BEA, EVE = (bytes([n]) * 8 for n in (1, 2, 3))
WEEK, FLORIDA = Cap(texts=4, days=7), Cap(texts=3, days=1)
MINUTE = timedelta(minutes=1)


def _book(
    entries: bytes, points: Mapping[bytes, tuple[Cap, ...]], slice_ref: str, after: timedelta
) -> tuple[bytes, frozenset[bytes]]:
    booking = book(entries, points, slice_ref, NOW + after)
    return booking.entries, booking.refused


def test_four_a_week() -> None:
    """R-02: the fifth waits until exactly seven days after the first."""
    entries = b""
    for n in range(4):
        entries, refused = _book(entries, {ANA: (WEEK,)}, f"b{n}.1.1", n * MINUTE)
        assert not refused
    assert len(entries) == 4 * 16
    almost = timedelta(days=7) - timedelta(seconds=1)
    kept, refused = _book(entries, {ANA: (WEEK,), BEA: (WEEK,)}, "b4.1.1", almost)
    assert refused == {ANA}
    assert len(kept) == 5 * 16  # Bea was booked
    kept, refused = _book(entries, {ANA: (WEEK,)}, "b4.1.1", timedelta(days=7))
    assert not refused
    assert len(kept) == 4 * 16  # the first has gone, the fifth has come


def test_a_booking_within_a_minute_never_ends_early() -> None:
    """R-02: stored by the minute, and rounded against the sender."""
    seconds = timedelta(seconds=59)
    one = {ANA: (Cap(1, 1),)}
    entries, _ = _book(b"", one, "a", seconds)
    for after in (timedelta(days=1), timedelta(days=1) + seconds):
        assert _book(entries, one, "b", after)[1] == {ANA}
    assert not _book(entries, one, "b", timedelta(days=1) + MINUTE)[1]


def test_every_cap_must_have_room() -> None:
    """R-02, L-09: the merchant's four a week and Florida's three in 24 hours."""
    both = {ANA: (WEEK, FLORIDA)}
    entries = b""
    for n in range(3):
        entries, refused = _book(entries, both, f"b{n}", timedelta())
        assert not refused
    assert _book(entries, both, "b3", timedelta(hours=23))[1] == {ANA}
    entries, refused = _book(entries, both, "b3", timedelta(hours=24))
    assert not refused
    assert _book(entries, both, "b4", timedelta(hours=49))[1] == {ANA}  # now the week is full
    # Who lives elsewhere has the merchant's cap alone.
    assert not _book(b"", {BEA: (WEEK,)}, "b4", timedelta())[1]


def test_a_slice_that_books_again_is_counted_once() -> None:
    """R-02, R-09: after a crash it finds its own entries, also those of a full cap."""
    once = {ANA: (Cap(1, 7),), BEA: (Cap(1, 7),)}
    entries, _ = _book(b"", once, "b1.2.3", timedelta())
    assert _book(entries, once, "b1.2.3", timedelta()) == (entries, frozenset())
    again, refused = _book(entries, once, "b1.2.3", timedelta(hours=1))
    assert not refused
    assert len(again) == len(entries)
    assert _book(again, once, "b1.2.4", timedelta(hours=1))[1] == {ANA, BEA}


def test_a_retry_counts_from_when_it_goes_out() -> None:
    """R-02: a text that was put off until the morning is of that day, not of the evening."""
    once = {ANA: (FLORIDA,)}
    entries, _ = _book(b"", once, "a", timedelta())
    for n, name in enumerate("abc"):
        entries, refused = _book(entries, once, name, timedelta(hours=12 + n))
        assert not refused
    assert _book(entries, once, "d", timedelta(hours=25))[1] == {ANA}
    assert not _book(entries, once, "d", timedelta(hours=36))[1]


def test_a_retry_has_no_room_that_others_took() -> None:
    """R-02: its old entry, kept for the week's sake, holds no room in a day that it is not of."""
    both = {ANA: (Cap(9, 7), FLORIDA)}
    entries, _ = _book(b"", both, "a", timedelta())
    for name in "bcd":
        entries, refused = _book(entries, both, name, timedelta(days=2))
        assert not refused
    assert _book(entries, both, "a", timedelta(days=2, hours=1)) == (entries, frozenset({ANA}))
    assert not _book(entries, both, "a", timedelta(days=3))[1]


def test_who_has_no_cap_is_not_booked() -> None:
    """R-02: a merchant without a cap pays for the points that the law caps, and no others."""
    entries, refused = _book(b"", {ANA: (), BEA: (FLORIDA,)}, "s", timedelta())
    assert not refused
    assert entries[:8] == BEA
    assert len(entries) == 16


def test_old_entries_go_when_no_window_reaches_them() -> None:
    """R-02: an item does not grow for ever, and forgets nothing that still counts."""
    entries, _ = _book(b"", {ANA: (WEEK,)}, "a", timedelta())
    assert _book(entries, {BEA: (WEEK,)}, "b", timedelta(days=6))[0][:8] == ANA
    assert _book(entries, {BEA: (WEEK,)}, "b", timedelta(days=7))[0][:8] == BEA
    # A cap of the law may bind somebody whom this slice does not ask about.
    assert max(timedelta(days=cap.days) for pack in PACKS for cap in pack.caps) <= KEPT


@pytest.mark.parametrize(
    ("cap", "expected"),
    [({}, None), ({"texts": 4, "days": 7}, WEEK), ({"texts": 100, "days": 31}, Cap(100, 31))],
)
def test_a_merchants_cap(cap: dict[str, Any], expected: Cap | None) -> None:
    """R-02: from the merchant's settings."""
    assert parse_cap(cap) == expected


@pytest.mark.parametrize(
    ("cap", "fields"),
    [
        ({"texts": 4}, ["days"]),
        ({"days": 7}, ["texts"]),
        ({"texts": 0, "days": 7}, ["texts"]),
        ({"texts": 101, "days": 32}, ["texts", "days"]),
        ({"texts": "4", "days": 7.0}, ["texts", "days"]),
        ({"texts": True, "days": None}, ["texts", "days"]),
        ({"texts": 4, "days": 7, "hours": 1}, ["hours"]),
    ],
)
def test_a_wrong_cap_names_its_fields(cap: dict[str, Any], fields: list[str]) -> None:
    """R-02, R-27: 422 with the field and what to write."""
    with pytest.raises(InvalidInputError) as caught:
        parse_cap(cap)
    assert [e.field for e in caught.value.errors] == [f"frequency_cap.{name}" for name in fields]


IDS = sorted(point_id(b"k" * 32, "m1", Channel.SMS, f"+1212555{n:04}") for n in range(2000))


@pytest.mark.parametrize("bits", range(MOST_BITS + 1))
def test_buckets_are_ranges_of_sorted_points(bits: int) -> None:
    """R-02: a chunk, which is sorted, touches one or two of them."""
    buckets = [bucket_of(point, bits) for point in IDS]
    assert buckets == sorted(buckets)
    assert 0 <= buckets[0] <= buckets[-1] < 2**bits
    assert len(set(buckets)) >= min(2**bits, 1000) * 0.8
    assert [fingerprint(point) for point in IDS] == sorted(fingerprint(point) for point in IDS)


POINTS = st.sets(st.sampled_from([ANA, BEA, EVE]), min_size=1)
# (minutes since the last, the slice, whom it wants to text)
STEPS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 9), POINTS), max_size=40)


@settings(max_examples=200)
@given(STEPS, st.integers(1, 4), st.integers(1, 5))
def test_no_rolling_window_ever_holds_more(
    steps: list[tuple[int, int, set[bytes]]], texts: int, days: int
) -> None:
    """R-02: whatever broadcasts do, crash and repeat; and nobody is refused without reason."""
    cap, entries, at = Cap(texts, days), b"", NOW
    window = timedelta(days=days)
    sent: dict[tuple[bytes, str], datetime] = {}
    for minutes, slice_no, points in steps:
        at += timedelta(minutes=minutes, seconds=7)
        slice_ref = f"b.{slice_no}"
        booking = book(entries, dict.fromkeys(points, (cap,)), slice_ref, at)
        entries = booking.entries
        for point in points:
            if point in booking.refused:
                # By the minute: what is over by less than two may still count.
                edge = window + 2 * MINUTE
                others = [t for (p, ref), t in sent.items() if p == point and ref != slice_ref]
                assert sum(at - t < edge for t in others) >= texts
            else:  # a slice that books again sends now what it did not send then
                sent[point, slice_ref] = at
            recent = [t for (p, _), t in sent.items() if p == point and at - t < window]
            assert len(recent) <= texts


@given(POINTS, POINTS, st.integers(1, 2), st.integers(0, 2))
def test_two_broadcasts_in_either_order(
    one: set[bytes], two: set[bytes], texts: int, before: int
) -> None:
    """R-02: they never exceed the cap, and do not harm those whom the other leaves alone."""
    entries = b""
    for n in range(before):
        entries = book(entries, dict.fromkeys([ANA, BEA], (WEEK,)), f"old.{n}", NOW).entries
    cap = (Cap(texts, 7),)
    wants = {"one": dict.fromkeys(one, cap), "two": dict.fromkeys(two, cap)}
    refused: dict[tuple[str, str], frozenset[bytes]] = {}
    held: list[int] = []
    for order in (("one", "two"), ("two", "one")):
        bucket = entries
        for name in order:
            booking = book(bucket, wants[name], name, NOW)
            bucket = booking.entries
            refused[order[0], name] = booking.refused
        held.append(len(bucket))
    assert held[0] == held[1]
    for name, other in (("one", two), ("two", one)):
        assert refused["one", name] - other == refused["two", name] - other


@given(st.permutations(range(6)))
def test_the_order_of_entries_means_nothing(order: list[int]) -> None:
    """R-02: the same entries, however they lie, give the same bytes and the same answer."""
    entries = b""
    for n in range(3):
        entries = book(entries, {ANA: (WEEK,), BEA: (WEEK,)}, f"s{n}", NOW + n * MINUTE).entries
    parts = [entries[i * 16 : i * 16 + 16] for i in range(6)]
    shuffled = b"".join(parts[i] for i in order)
    wanted = {ANA: (Cap(3, 7),), EVE: (WEEK,)}
    later = NOW + timedelta(hours=1)
    assert book(shuffled, wanted, "s", later) == book(entries, wanted, "s", later)
    assert book(entries, wanted, "s", later).refused == {ANA}
