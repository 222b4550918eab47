"""Move row keys: from the stream to the queues, and from the due index when they were forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from concord.domain.metrics import Metric
from concord.domain.tasks import HORIZON, UNSYNCED_OPT_OUT, RowKey, TaskKind
from concord.ports import Clock, TaskQueue, Tasks, Telemetry

_OVERDUE: Final = timedelta(minutes=2)
# A sweep comes every five minutes; this one looks a minute beyond the next.
_NEAR: Final = timedelta(minutes=6)


class Relay:
    """Stream to queues. It relies on nothing but the row: what it cannot hand on stays open."""

    def __init__(self, queue: TaskQueue, telemetry: Telemetry) -> None:
        self._queue = queue
        self._telemetry = telemetry

    def __call__(self, keys: Sequence[RowKey]) -> None:
        """Queue the keys; those that fail are left to the sweep. Never raises for one of them."""
        left = self._queue.send(keys)
        if left:
            self._telemetry.count(Metric.RELAY_LEFT_TO_SWEEP, len(left))


class Sweep:
    """Every five minutes: queue what is overdue or near, and measure the oldest un-synced opt-out.

    Near = it waits without a message for a moment before the next sweep: its message is delayed by
    exactly what is left, so that a broadcast of nine o'clock starts at nine.
    """

    def __init__(self, tasks: Tasks, queue: TaskQueue, clock: Clock, telemetry: Telemetry) -> None:
        self._tasks = tasks
        self._queue = queue
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, as_of: datetime) -> None:
        """Look at the due index as of `as_of` (UTC). Safe to repeat: leases stop a second one."""
        overdue: list[RowKey] = []
        near: dict[datetime, list[RowKey]] = defaultdict(list)
        oldest = 0.0
        # Rows that were put off are due later, and are un-synced all the same.
        for row in self._tasks.due(as_of + HORIZON):
            if row.kind == UNSYNCED_OPT_OUT:
                oldest = max(oldest, (as_of - row.created_at).total_seconds())
            if row.due_at <= as_of - _OVERDUE and row.kind != TaskKind.LAPSE:
                overdue.append(row.key)
            elif row.waits and row.due_at <= as_of + _NEAR:
                near[row.due_at].append(row.key)
        self._queue.send(overdue)
        for due_at, keys in near.items():
            self._queue.send(keys, delay_seconds=self._seconds_to(due_at))
        self._telemetry.gauge(Metric.OVERDUE_TASKS, len(overdue))
        self._telemetry.gauge(Metric.OLDEST_UNSYNCED_OPT_OUT_SECONDS, oldest)

    def _seconds_to(self, moment: datetime) -> int:
        """Return what is left of the wait by the clock: the event may be some time old."""
        return max(0, ceil((moment - self._clock.now()).total_seconds()))


class StartExpiry:
    """Every hour: queue the invitations that nobody answered for 30 days (TEA-15)."""

    def __init__(self, tasks: Tasks, queue: TaskQueue) -> None:
        self._tasks = tasks
        self._queue = queue

    def __call__(self, as_of: datetime) -> None:
        """Queue every pending opt-in whose time was over at `as_of`."""
        self._queue.send([r.key for r in self._tasks.due(as_of) if r.kind == TaskKind.LAPSE])
