"""Whether work moves: the oldest opt-out that a platform has not heard of, queues, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from concord.domain.errors import StackKeyError
from concord.ports import Clock, DueRow, Secrets, Tasks

OPT_OUT_PUSH: Final = "push_consent_out"
OVERDUE_AFTER: Final = timedelta(minutes=2)
ALARM_AFTER: Final = 60
# A failed push waits a quarter of an hour at most: looking that far ahead finds it as well.
_HORIZON: Final = timedelta(hours=1)
_LOOKED_AT: Final = 10_000

type QueueFigures = Mapping[str, Mapping[str, int | None]]


@dataclass(frozen=True, slots=True)
class Health:
    """The figures that an operator, an alarm or a dashboard asks for."""

    oldest_unsynced_opt_out_seconds: int
    overdue_tasks: int
    queues: QueueFigures
    stack_key_present: bool
    public_key: str | None

    @property
    def healthy(self) -> bool:
        """Whether nobody needs to look. A figure that could not be read is no good news."""
        stuck = any(queue.get("dead_letters") != 0 for queue in self.queues.values())
        late = self.oldest_unsynced_opt_out_seconds > ALARM_AFTER
        return self.stack_key_present and not stuck and not late and not self.overdue_tasks


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
        now = self._clock.now()
        rows = list(islice(self._tasks.due(now + _HORIZON), _LOOKED_AT))
        return Health(
            oldest_unsynced_opt_out_seconds=oldest_opt_out(rows, now),
            overdue_tasks=sum(row.due_at <= now - OVERDUE_AFTER for row in rows),
            queues=self._queues(),
            stack_key_present=self._has_stack_key(),
            public_key=self._secrets.dossier_public_key(),
        )

    def _has_stack_key(self) -> bool:
        try:
            return bool(self._secrets.stack_key())
        except StackKeyError:
            return False


def oldest_opt_out(rows: list[DueRow], now: datetime) -> int:
    """Return the age in seconds of the oldest opt-out that some platform has not heard of."""
    ages = (now - row.created_at for row in rows if row.kind == OPT_OUT_PUSH)
    return max((int(age.total_seconds()) for age in ages), default=0)
