"""Let the changes of one balance be told in the order in which they were booked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from concord.domain.tasks import Task, TaskState
from concord.domain.times import from_rfc3339, to_rfc3339
from concord.ports import Clock, Tasks
from concord.services.contact_tasks import earlier_credits
from concord.services.defer_tasks import DeferTasks

_A_MOMENT: Final = timedelta(seconds=1)
# So long a change waits for those before it: whatever holds one of them up holds no other for ever.
_PATIENCE: Final = timedelta(minutes=2)
_OPEN: Final = frozenset({TaskState.OPEN, TaskState.ATTEMPTING})


class KeepOrder:
    """Puts an event off while one that was booked just before it is still to be told.

    The rows of those before are found by their names: a row that is gone was told, dropped or
    parked. Postings that move nothing have no event, so the last few numbers are asked for.
    """

    def __init__(self, tasks: Tasks, defer: DeferTasks, clock: Clock) -> None:
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def waits(self, task: Task) -> bool:
        """Whether it was put off, for at most two minutes in all; up to three reads."""
        now = self._clock.now()
        since = task.payload.get("waits_since")
        if since and now - from_rfc3339(since) >= _PATIENCE:
            return False
        rows = (self._tasks.find(task.merchant_id, spec) for spec in earlier_credits(task))
        if not any(row is not None and row.state in _OPEN for row in rows):
            return False
        if not since:
            self._stamp(task, now)
        self._defer.wait(task, _A_MOMENT, "earlier_first")
        return True

    def _stamp(self, task: Task, now: datetime) -> None:
        details = {"waits_since": to_rfc3339(now)}
        self._tasks.mark(task, TaskState.OPEN, now, details, expected=TaskState.OPEN)
