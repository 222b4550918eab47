"""Receipts of a broadcast: whose they are, and that no order or repetition matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.chunks import ChunkKey, Decided, Outcome, Slice, SliceState, slice_reference
from concord.domain.events import DeliveryReceipt, DeliveryStatus
from concord.domain.receipts import (
    SliceReceipts,
    SliceRef,
    Told,
    counted,
    read_reference,
    safe_code,
    settled,
)

T0 = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEY = ChunkKey("m1", "m1.c1", "20261122t090000-0a1b2c3d", "000001-0003-q20261123t1300")
EMPTY = SliceReceipts(KEY, 2)

told = st.builds(
    Told, st.sampled_from(DeliveryStatus), st.sampled_from(["", "30003", "30005", "x"])
).map(lambda one: one if one.status is DeliveryStatus.FAILED else replace(one, code=""))
batches = st.lists(st.tuples(st.integers(0, 5), told), max_size=12)


@given(st.integers(0, 9999), st.none() | st.integers(0, 999))
def test_a_reference_is_read_back(number: int, place: int | None) -> None:
    """R-15: of one text and of a bulk call, also of those who were put off till morning."""
    ref = read_reference(slice_reference(KEY, number, place))
    assert ref == SliceRef(KEY.broadcast_id, KEY.chunk, number, place)
    assert ref.key("m1", "m1.c1") == KEY


@given(st.text(max_size=60) | st.from_regex(r"[0-9t.a-f-]{0,60}", fullmatch=True))
def test_reading_a_reference_is_total(text: str) -> None:
    """R-15: what comes back is what we wrote, or nothing of ours."""
    ref = read_reference(text)
    if ref is not None:
        again = slice_reference(ref.key("m", "m.c"), ref.number, ref.place)
        assert read_reference(again) == ref


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "20261122t090000-0a1b2c3d.000001.2.1000",
        "20261122t090000-0a1b2c3d.000001.2.-1",
        "20261122t090000-0a1b2c3d.000001.2.1.1",
        "20261122t090000-0a1b2c3d.0#1.2.1",
        "20261122t090000-0a1b2c3d.000001.²",
        "20261122t090000-0a1b2c3d.000001.12345",
        "0a1b2c3d.000001.2",
    ],
)
def test_what_is_no_reference_of_a_broadcast(text: str | None) -> None:
    """R-15, R-32: nothing that could lead to a row of another kind."""
    assert read_reference(text) is None


@given(batches, st.data())
def test_any_order_and_repetition_ends_the_same(
    said: list[tuple[int, Told]], data: st.DataObject
) -> None:
    """R-15: one at a time, in batches, twice, in any order: the highest rank of each place."""
    at_once = EMPTY.merge(said)
    repeated = said + (data.draw(st.lists(st.sampled_from(said), max_size=6)) if said else [])
    one_by_one = EMPTY
    for one in data.draw(st.permutations(repeated)):
        one_by_one = one_by_one.merge([one])
    assert one_by_one == at_once
    assert at_once.merge(said) == at_once
    for place, found in at_once.told.items():
        ranks = [one.status.rank for where, one in said if where == place]
        assert found.status.rank == max(ranks)


@given(batches, batches)
def test_two_batches_may_change_places(
    a: list[tuple[int, Told]], b: list[tuple[int, Told]]
) -> None:
    """R-15: two workers, whoever writes first."""
    assert EMPTY.merge(a).merge(b) == EMPTY.merge(b).merge(a) == EMPTY.merge([*a, *b])


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=6), batches)
def test_receipts_settle_the_uncertain_alone(
    outcomes: list[Outcome], said: list[tuple[int, Told]]
) -> None:
    """R-10: an uncertain recipient with any receipt was sent; nobody else changes, and again
    nothing does."""
    decided = tuple(
        Decided(each, reason="r" if each is Outcome.SKIPPED else "") for each in outcomes
    )
    part = Slice(KEY, 2, 0, SliceState.DONE, T0, decided)
    receipts = EMPTY.merge(said)
    after = settled(part, receipts)
    expected = [
        Outcome.SENT if each is Outcome.UNCERTAIN and place in receipts.told else each
        for place, each in enumerate(outcomes)
    ]
    assert [each.outcome for each in (after or part).decided] == expected
    assert (after is None) is (expected == outcomes)
    assert settled(after or part, receipts) is None
    assert settled(replace(part, state=SliceState.CLAIMED), receipts) is None


@given(batches)
def test_a_report_counts_each_recipient_once(said: list[tuple[int, Told]]) -> None:
    """R-15: by the newest word on each."""
    receipts = EMPTY.merge(said)
    found = counted([receipts])
    failed = sum(found.failed.values())
    assert found.accepted + found.sent + found.delivered + failed == len(receipts.told)


@pytest.mark.parametrize(
    ("status", "code", "kept"),
    [
        (DeliveryStatus.FAILED, "30005", "30005"),
        (DeliveryStatus.FAILED, "TEXT_CARRIER_BLOCKED", "TEXT_CARRIER_BLOCKED"),
        (DeliveryStatus.FAILED, "call +15551230000", ""),
        (DeliveryStatus.FAILED, "+15551230000", ""),
        (DeliveryStatus.FAILED, None, ""),
        (DeliveryStatus.DELIVERED, "30005", ""),
    ],
)
def test_a_code_is_kept_if_it_looks_like_one(
    status: DeliveryStatus, code: str | None, kept: str
) -> None:
    """R-15, R-25: nothing personal gets into queue, table or log by that name."""
    assert safe_code(DeliveryReceipt("e", status, code=code)) == kept
