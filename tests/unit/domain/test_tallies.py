"""Counting what became of recipients: whatever is counted adds up to the audience."""

from __future__ import annotations

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
from concord.domain.tallies import CANCELLED, is_whole, report_of, tally_of
from concord.domain.tasks import RowKey, Task, TaskState
from tests.support.builders import CONNECTION, MERCHANT, NOW

KEY = ChunkKey(MERCHANT, CONNECTION, "20261121t083000-00000001", "000001")
SENT, UNCERTAIN = Decided(Outcome.SENT), Decided(Outcome.UNCERTAIN)
OUT, CAPPED = (Decided(Outcome.SKIPPED, reason) for reason in ("opted_out_after_queue", "capped"))
LATER, AGAIN, PENDING = (Decided(o) for o in (Outcome.DEFERRED, Outcome.AGAIN, Outcome.PENDING))


def tally(size: int, *counted: Decided, skipped: str = "") -> Tally:
    part = Slice(KEY, 0, 0, SliceState.DONE, NOW, counted)
    return tally_of(Tally(KEY, size, "v1.a", "v1.f"), [part], skipped=skipped)


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


def test_who_was_not_reached_before_the_end_was_skipped() -> None:
    """R-09: cancelled."""
    cut = tally(10, SENT, CAPPED, skipped=CANCELLED)
    assert cut.counts == {"sent": 1, "skipped:capped": 1, "skipped:cancelled": 8}
    assert is_whole(cut)


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
