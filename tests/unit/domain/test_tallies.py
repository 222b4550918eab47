"""Counting what became of recipients: whatever is counted adds up to the audience."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from concord.domain.chunks import (
    ChunkKey,
    Decided,
    Outcome,
    Slice,
    SliceState,
    Tally,
    chunk_of,
    chunk_task,
)
from concord.domain.tallies import Progress, is_whole, progress_of, report_of, tally_of
from concord.domain.tasks import RowKey, Task, TaskState
from tests.support.builders import CONNECTION, MERCHANT, NOW

KEY = ChunkKey(MERCHANT, CONNECTION, "20261121t083000-00000001", "000001")
SENT, UNCERTAIN = Decided(Outcome.SENT), Decided(Outcome.UNCERTAIN)
OUT, CAPPED = (Decided(Outcome.SKIPPED, reason) for reason in ("opted_out_after_queue", "capped"))
LATER, AGAIN, PENDING = (Decided(o) for o in (Outcome.DEFERRED, Outcome.AGAIN, Outcome.PENDING))


def tally(size: int, *counted: Decided) -> Tally:
    part = Slice(KEY, 0, 0, SliceState.DONE, NOW, counted)
    return tally_of(Tally(KEY, size, "v1.a", "v1.f"), [part])


def test_counting_twice_counts_once() -> None:
    once = tally(3, SENT, SENT, OUT)
    assert once.counts == {"sent": 2, "skipped:opted_out_after_queue": 1}
    part = Slice(KEY, 0, 0, SliceState.DONE, NOW, (SENT, SENT, OUT))
    assert tally_of(once, [part]) == once


def test_a_chunk_is_whole_once_nobody_is_in_doubt() -> None:
    """R-09: nobody is lost between two outcomes."""
    assert is_whole(tally(5, SENT, OUT, UNCERTAIN, LATER, AGAIN))
    assert not is_whole(tally(2, SENT, PENDING))
    assert not is_whole(tally(2, SENT))


def test_who_was_put_off_is_counted_where_she_is_now() -> None:
    """R-09: sent + skipped + uncertain = audience."""
    plan, child = tally(5, SENT, OUT, LATER, AGAIN, UNCERTAIN), tally(2, SENT, CAPPED)
    report = report_of([plan, child])
    assert report == {
        "sent": 2,
        "skipped:capped": 1,
        "skipped:opted_out_after_queue": 1,
        "uncertain": 1,
    }
    assert sum(report.values()) == 5


def test_a_task_names_its_chunk() -> None:
    spec = chunk_task(KEY)
    row = RowKey(f"TS#{MERCHANT}#send_chunk#{CONNECTION}#{spec.task_id}", "TASK")
    task = Task(
        row, spec.kind, MERCHANT, CONNECTION, spec.task_id, spec.payload, TaskState.OPEN, 0, NOW
    )
    assert chunk_of(task) == KEY


def test_who_waits_is_counted_by_her_hour() -> None:
    """R-01, R-09: while her chunk is open and its hour is to come; not whose turn has come, nor who
    is tried again."""
    morning = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)

    def child(name: str, *counted: Decided, done: bool = False) -> Tally:
        return replace(tally(4, *counted), key=replace(KEY, chunk=f"000001-{name}"), done=done)

    tallies = [
        replace(tally(9, SENT), done=True),
        child("0001-q20261123t1300"),
        child("0002-q20261123t1300", OUT),
        child("0003-q20261123t1300", *[SENT] * 4, done=True),
        child("0004-q20261123t1300-a1"),
        child("0005-a1"),
        child("0006-q20261123t1301"),
    ]
    before = morning - timedelta(hours=1)
    progress = progress_of(tallies, before)
    assert progress.later == {morning: 7, morning + timedelta(minutes=1): 4}
    assert progress.report == report_of(tallies)
    assert progress_of(tallies, morning).later == {morning + timedelta(minutes=1): 4}


@pytest.mark.parametrize(
    ("waiting", "later", "seconds"),
    [(0, 0, None), (20, 0, 10), (20, 20, 3610), (20, 10, 3605), (14400, 10, 7195 + 5)],
)
def test_the_end_is_expected_behind_the_last_who_waits(
    waiting: int, later: int, seconds: int | None
) -> None:
    """R-11: at the sender's rate; who waits goes behind who does not."""
    hour = NOW + timedelta(hours=1)
    progress = Progress(NOW, {}, {hour: later} if later else {})
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert progress.finish_at(waiting, 2.0) == expected
