"""Move row keys: from the stream to the queues, and from the due index when they were forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from concord.domain.metrics import Metric
from concord.domain.tasks import HORIZON, UNSYNCED_OPT_OUT, RowKey, TaskKind
from concord.ports import TaskQueue, Tasks, Telemetry

_OVERDUE: Final = timedelta(minutes=2)


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
    """Every five minutes: queue what is overdue, and measure the oldest un-synced opt-out."""

    def __init__(self, tasks: Tasks, queue: TaskQueue, telemetry: Telemetry) -> None:
        self._tasks = tasks
        self._queue = queue
        self._telemetry = telemetry

    def __call__(self, as_of: datetime) -> None:
        """Look at the due index as of `as_of` (UTC). Safe to repeat: leases stop a second one."""
        overdue: list[RowKey] = []
        oldest = 0.0
        # Rows that were put off are due later, and are un-synced all the same.
        for row in self._tasks.due(as_of + HORIZON):
            if row.kind == UNSYNCED_OPT_OUT:
                oldest = max(oldest, (as_of - row.created_at).total_seconds())
            if row.due_at <= as_of - _OVERDUE and row.kind != TaskKind.LAPSE:
                overdue.append(row.key)
        self._queue.send(overdue)
        self._telemetry.gauge(Metric.OVERDUE_TASKS, len(overdue))
        self._telemetry.gauge(Metric.OLDEST_UNSYNCED_OPT_OUT_SECONDS, oldest)


class StartExpiry:
    """Every hour: queue the invitations that nobody answered for 30 days (TEA-15)."""

    def __init__(self, tasks: Tasks, queue: TaskQueue) -> None:
        self._tasks = tasks
        self._queue = queue

    def __call__(self, as_of: datetime) -> None:
        """Queue every pending opt-in whose time was over at `as_of`."""
        self._queue.send([r.key for r in self._tasks.due(as_of) if r.kind == TaskKind.LAPSE])
