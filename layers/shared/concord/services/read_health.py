"""Whether work moves: the oldest opt-out that a platform has not heard of, queues, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from concord.domain.errors import StackKeyError
from concord.domain.task_rows import DueRow
from concord.domain.tasks import UNSYNCED_OPT_OUT, TaskKind
from concord.ports import Clock, Secrets, Tasks

OVERDUE_AFTER: Final = timedelta(minutes=2)
ALARM_AFTER: Final = 60
# A failed push waits a quarter of an hour at most: looking that far ahead finds it as well.
_HORIZON: Final = timedelta(hours=1)
# Not a number of rows: the index comes shard by shard, and an opt-out may stand in the last one.
_TIME_TO_LOOK: Final = timedelta(seconds=10)

type QueueFigures = Mapping[str, Mapping[str, int | None]]


@dataclass(slots=True)
class Backlog:
    """What the due index says. Not `complete`: there was no time for all of it, so at least this.

    Ages are in seconds. An opt-out's age counts from when it was said, not from the next try.
    """

    now: datetime = field(repr=False)
    oldest_opt_out: int = 0
    overdue: int = 0
    oldest_overdue: int = 0
    complete: bool = True

    def add(self, row: DueRow) -> None:
        """Count one row."""
        if row.kind == UNSYNCED_OPT_OUT:
            self.oldest_opt_out = max(self.oldest_opt_out, self._seconds_since(row.created_at))
        # Invitations lapse on the hour: one that waits for it is not late.
        if row.due_at <= self.now - OVERDUE_AFTER and row.kind != TaskKind.LAPSE:
            self.overdue += 1
            self.oldest_overdue = max(self.oldest_overdue, self._seconds_since(row.due_at))

    def _seconds_since(self, moment: datetime) -> int:
        return int((self.now - moment).total_seconds())


@dataclass(frozen=True, slots=True)
class Health:
    """The figures that an operator, an alarm or a dashboard asks for."""

    backlog: Backlog
    queues: QueueFigures
    stack_key_present: bool
    public_key: str | None

    @property
    def healthy(self) -> bool:
        """Whether nobody needs to look. A figure that could not be read is no good news."""
        backlog = self.backlog
        stuck = any(queue.get("dead_letters") != 0 for queue in self.queues.values())
        late = backlog.oldest_opt_out > ALARM_AFTER or backlog.overdue > 0
        return self.stack_key_present and backlog.complete and not late and not stuck


class ReadHealth:
    """Asks the due index, the queues and the parameter store."""

    def __init__(
        self,
        tasks: Tasks,
        secrets: Secrets,
        queues: Callable[[], QueueFigures],
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._secrets = secrets
        self._queues = queues
        self._clock = clock

    def __call__(self) -> Health:
        """Return the figures as of now."""
        return Health(
            backlog=self._backlog(self._clock.now()),
            queues=self._queues(),
            stack_key_present=self._has_stack_key(),
            public_key=self._secrets.dossier_public_key(),
        )

    def _backlog(self, now: datetime) -> Backlog:
        found = Backlog(now)
        for row in self._tasks.due(now + _HORIZON):
            if self._clock.now() - now > _TIME_TO_LOOK:
                found.complete = False
                break
            found.add(row)
        return found

    def _has_stack_key(self) -> bool:
        try:
            return bool(self._secrets.stack_key())
        except StackKeyError:
            return False
