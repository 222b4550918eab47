"""Waiting for a moment that is further away than a message can be delayed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import create_autospec

import pytest

from concord.domain.metrics import Metric
from concord.domain.task_rows import DueRow
from concord.domain.tasks import RowKey, Task, TaskKind, TaskState
from concord.ports import Connections, Tasks, Telemetry
from concord.services.defer_tasks import DeferTasks
from concord.services.move_tasks import Sweep
from tests.support.builders import CONNECTION, MERCHANT, NOW, at

KEY = RowKey(f"TP#{MERCHANT}#plan_broadcast#{CONNECTION}#b1", "TASK")
TASK = Task(
    KEY,
    TaskKind.PLAN_BROADCAST,
    MERCHANT,
    CONNECTION,
    "b1",
    {},
    TaskState.OPEN,
    attempts=1,
    created_at=NOW,
)


class Clock:
    def __init__(self, seconds: float = 0) -> None:
        self.time = at(seconds)

    def now(self) -> datetime:
        return self.time


class Queue:
    """A queue that notes what it is given, and when that will arrive."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.arrivals: list[tuple[RowKey, datetime]] = []

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        assert 0 <= delay_seconds <= 900, "SQS delays no longer"
        arrives = self.clock.now() + timedelta(seconds=delay_seconds)
        self.arrivals += [(key, arrives) for key in keys]
        return []


def swept(rows: Sequence[DueRow], *, late: float = 0) -> tuple[Queue, Any]:
    """Sweep as of NOW, in a process that is `late` seconds behind its event."""
    tasks: Any = create_autospec(Tasks, instance=True)

    def due(before: datetime) -> Iterator[DueRow]:
        return (row for row in rows if row.due_at < before)

    tasks.due = due
    telemetry = create_autospec(Telemetry, instance=True)
    queue = Queue(Clock(late))
    Sweep(tasks, queue, queue.clock, telemetry)(NOW)
    return queue, telemetry


def waiting(seconds: float) -> DueRow:
    return DueRow(KEY, "plan_broadcast", at(seconds), at(-86_400), waits=True)


@pytest.mark.parametrize("late", [0.0, 0.4, 20.0])
@pytest.mark.parametrize("left", [30.0, 299.5, 359.0])
def test_what_is_near_arrives_at_its_moment(left: float, late: float) -> None:
    """R-09: within a second of it, never before, however late the schedule's event came."""
    queue, _ = swept([waiting(left)], late=late)
    ((key, arrives),) = queue.arrivals
    assert key == KEY
    assert timedelta(0) <= arrives - at(left) < timedelta(seconds=1)


def test_every_moment_is_near_to_some_sweep() -> None:
    """R-09: five minutes lie between two sweeps, and one may be a little late."""
    assert swept([waiting(359)])[0].arrivals
    assert not swept([waiting(361)])[0].arrivals


@pytest.mark.parametrize("seconds", [-119.0, 1.0, 600.0, 86_400.0])
def test_what_waits_is_not_overdue(seconds: float) -> None:
    """R-31: the alarm on overdue tasks must not sleep through, nor ring for what is planned."""
    _, telemetry = swept([waiting(seconds)])
    telemetry.gauge.assert_any_call(Metric.OVERDUE_TASKS, 0)


def test_what_nobody_queued_in_time_is_overdue_like_anything_else() -> None:
    """R-09: a sweep that did not run delays a start, and does not lose it."""
    queue, telemetry = swept([waiting(-121)])
    assert queue.arrivals == [(KEY, NOW)]
    telemetry.gauge.assert_any_call(Metric.OVERDUE_TASKS, 1)


def test_what_has_a_message_of_its_own_gets_no_second() -> None:
    """R-31: an ordinary retry is on its way already."""
    assert not swept([DueRow(KEY, "plan_broadcast", at(60), NOW)])[0].arrivals


@pytest.mark.parametrize(
    ("seconds", "waits"), [(-5.0, False), (30.0, False), (899.0, False), (900.0, True)]
)
def test_a_wait_that_a_message_can_hold_is_a_message(seconds: float, waits: bool) -> None:
    """R-09: and anything longer is a row that the sweep will find."""
    tasks: Any = create_autospec(Tasks, instance=True)
    queue = Queue(Clock())
    defer = DeferTasks(
        tasks=tasks,
        queue=queue,
        connections=create_autospec(Connections, instance=True),
        clock=queue.clock,
        telemetry=create_autospec(Telemetry, instance=True),
        keep_untold=lambda *_: None,
        rng=random.Random(1),
    )
    defer.until(TASK, at(seconds), "scheduled")
    (call,) = tasks.retry_at.call_args_list
    assert call.args == (TASK, at(max(0.0, seconds)), "scheduled")
    assert call.kwargs.get("waits", False) is waits
    assert bool(queue.arrivals) is not waits
