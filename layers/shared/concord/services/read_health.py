"""Whether work moves: opt-outs that a platform has not heard of, queues, held work, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from concord.domain.connection import ConnectionState
from concord.domain.errors import StackKeyError
from concord.domain.task_rows import DueRow
from concord.domain.tasks import HORIZON, UNSYNCED_OPT_OUT, TaskKind
from concord.ports import Clock, Connections, Secrets, Tasks

OVERDUE_AFTER: Final = timedelta(minutes=2)
ALARM_AFTER: Final = 60
# Not a number of rows: the index comes shard by shard, and an opt-out may stand in the last one.
_TIME_TO_LOOK: Final = timedelta(seconds=10)
# Connections whose work has waited longest, and that are read to see whether they hold it.
_LOOKED_AT: Final = 20
_SAFETY_DEPTHS: Final = ("waiting", "in_flight", "delayed")

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
    waiting_since: dict[str, datetime] = field(default_factory=dict)

    def add(self, row: DueRow, connection_id: str) -> None:
        """Count one row; of a lapse, which is no task, `connection_id` is empty."""
        if connection_id:
            oldest = self.waiting_since.get(connection_id, row.created_at)
            self.waiting_since[connection_id] = min(oldest, row.created_at)
        if row.kind == UNSYNCED_OPT_OUT:
            self.oldest_opt_out = max(self.oldest_opt_out, self._seconds_since(row.created_at))
        # Invitations lapse on the hour: one that waits for it is not late.
        if row.due_at <= self.now - OVERDUE_AFTER and row.kind != TaskKind.LAPSE:
            self.overdue += 1
            self.oldest_overdue = max(self.oldest_overdue, self._seconds_since(row.due_at))

    def _seconds_since(self, moment: datetime) -> int:
        return int((self.now - moment).total_seconds())


@dataclass(frozen=True, slots=True)
class HeldWork:
    """A connection that is not connected, and since when the oldest task that it holds waits."""

    connection_id: str
    state: ConnectionState
    waiting_since: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """The figures that an operator, an alarm or a dashboard asks for."""

    backlog: Backlog
    held: tuple[HeldWork, ...]
    queues: QueueFigures
    stack_key_present: bool
    public_key: str | None

    @property
    def healthy(self) -> bool:
        """Whether nobody needs to look. A figure that could not be read is no good news."""
        backlog = self.backlog
        stuck = any(queue.get("dead_letters") != 0 for queue in self.queues.values())
        safety = self.queues.get("safety", {})
        kept = any(safety.get(depth) != 0 for depth in _SAFETY_DEPTHS)  # each may be an opt-out
        late = backlog.oldest_opt_out > ALARM_AFTER or backlog.overdue > 0
        paused = any(each.state is ConnectionState.PAUSED for each in self.held)
        ill = late or stuck or kept or paused
        return self.stack_key_present and backlog.complete and not ill


class ReadHealth:
    """Asks the due index, the queues and the parameter store."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        secrets: Secrets,
        queues: Callable[[], QueueFigures],
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._secrets = secrets
        self._queues = queues
        self._clock = clock

    def __call__(self) -> Health:
        """Return the figures as of now."""
        backlog = self._backlog(self._clock.now())
        return Health(
            backlog=backlog,
            held=tuple(self._held(backlog)),
            queues=self._queues(),
            stack_key_present=self._has_stack_key(),
            public_key=self._secrets.dossier_public_key(),
        )

    def _backlog(self, now: datetime) -> Backlog:
        found = Backlog(now)
        for row in self._tasks.due(now + HORIZON):
            if self._clock.now() - now > _TIME_TO_LOOK:
                found.complete = False
                break
            task = self._tasks.identify(row.key)
            found.add(row, task.connection_id if task else "")
        return found

    def _held(self, backlog: Backlog) -> Iterator[HeldWork]:
        """Yield who holds work, the longest wait first. There is no list of all connections: the
        open rows name those that matter, and held rows are the oldest of them."""
        oldest_first = sorted(backlog.waiting_since.items(), key=itemgetter(1))
        for connection_id, since in oldest_first[:_LOOKED_AT]:
            connection = self._connections.get(connection_id)
            if connection and connection.state is not ConnectionState.CONNECTED:
                yield HeldWork(connection_id, connection.state, since)

    def _has_stack_key(self) -> bool:
        try:
            return bool(self._secrets.stack_key())
        except StackKeyError:
            return False
