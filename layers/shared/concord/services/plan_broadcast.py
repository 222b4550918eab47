"""Plan a broadcast: start it at its moment, and cut its audience into chunks (R-09, TEA-10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from concord.domain.audience import merged
from concord.domain.broadcast import Broadcast, BroadcastState, cancelled_unstarted
from concord.domain.chunks import CHUNK_SIZE, Chunk, ChunkKey
from concord.domain.connection import ConnectionState
from concord.domain.errors import InvalidInputError, RetryableError
from concord.domain.groups import GROUP_SHARDS, TextableNumber, shard_of_point
from concord.domain.tasks import RowKey, Task, TaskState
from concord.ports import (
    Broadcasts,
    Clock,
    Connections,
    GroupAudience,
    Platforms,
    TaskQueue,
    Tasks,
    Telemetry,
)
from concord.services.defer_tasks import DeferTasks
from concord.services.start_broadcast import freeze

# The function has 60 s; the lease as long.
_WORKS: Final = timedelta(seconds=40)
_RENEWS_AFTER: Final = timedelta(seconds=15)
_AT_ONCE: Final = timedelta(0)
_CALLED: Final = "called"


class PlanBroadcast:
    """The worker of `plan_broadcast` rows, each for one version of its broadcast.

    A worker that dies leaves whole chunks: the next one goes on after the last of them. Where the
    version has moved on, somebody else was called, and this one is done.
    """

    def __init__(
        self,
        *,
        broadcasts: Broadcasts,
        audience: GroupAudience,
        connections: Connections,
        platforms: Platforms,
        tasks: Tasks,
        queue: TaskQueue,
        defer: DeferTasks,
        finish: Callable[[str, str], None],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._broadcasts = broadcasts
        self._audience = audience
        self._connections = connections
        self._platforms = platforms
        self._tasks = tasks
        self._queue = queue
        self._defer = defer
        self._finish = finish
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Do what the state asks for, under the lease of the row."""
        broadcast_id = str(task.payload["broadcast_id"])
        broadcast = self._broadcasts.get(task.connection_id, broadcast_id)
        if broadcast is not None and broadcast.version == task.payload["version"]:
            match broadcast.state:
                case BroadcastState.SCHEDULED | BroadcastState.PLANNING:
                    if not self._work(task, broadcast):
                        return
                case BroadcastState.SENDING:
                    self._call_chunks(task, broadcast)
                case BroadcastState.CANCELLED:
                    self._settle(task, broadcast)
                case _:
                    pass  # paused, or over
        # Also for who comes too late: a worker may have died between its last write and this one.
        self._finish(task.connection_id, broadcast_id)
        self._tasks.mark(task, TaskState.DONE, self._clock.now())

    def _work(self, task: Task, broadcast: Broadcast) -> bool:
        """Start or plan it. False: the row was put off, or lost to somebody else."""
        now = self._clock.now()
        due = broadcast.send_at
        if broadcast.state is BroadcastState.SCHEDULED and due is not None and now < due:
            self._defer.until(task, due, "scheduled")
            return False
        if broadcast.frozen is None:
            return self._start(task, broadcast)
        self._call_chunks(task, broadcast)
        return self._plan(task, broadcast)

    # --- the start ---------------------------------------------------------------------------

    def _start(self, task: Task, broadcast: Broadcast) -> bool:
        """Freeze it, which calls the planner for the new version. False: its connection holds it.

        Of a scheduled broadcast it is the membership of now that counts, not of its creation.
        """
        connection = self._connections.get(task.connection_id, fresh=True)
        now = self._clock.now()
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            return self._give_up(broadcast, "connection_disconnected", now)
        if self._defer.held(task, connection):
            return False
        try:
            frozen = freeze(broadcast, connection, self._platforms, now)
        except InvalidInputError:  # the law asks for more than when it was written
            return self._give_up(broadcast, "text_refused", now)
        started = replace(
            broadcast,
            state=BroadcastState.PLANNING,
            frozen=frozen,
            started_at=now,
            version=broadcast.version + 1,
        )
        if self._broadcasts.update(started, now, wakes=True):
            self._tell("broadcast_started", broadcast, groups=len(broadcast.group_ids))
        return True

    def _give_up(self, broadcast: Broadcast, why: str, now: datetime) -> bool:
        """Cancel what cannot start: nobody is texted, and the report says so."""
        ended = cancelled_unstarted(broadcast, now, held=why)
        if self._broadcasts.update(ended, now):
            self._tell("broadcast_given_up", broadcast, reason=why)
        return True

    # --- the plan ----------------------------------------------------------------------------

    def _plan(self, task: Task, broadcast: Broadcast) -> bool:
        """Add chunks while there is time. False: the rest is for the next message, or not ours."""
        began = renewed = self._clock.now()
        last = self._broadcasts.last_planned(broadcast)
        number, after = (int(last.key.chunk), last.last) if last else (0, "")
        rows = self._rows(broadcast, after)
        while points := list(islice(rows, CHUNK_SIZE)):
            chunk = _chunk(broadcast, number + 1, points)
            stands = self._broadcasts.add_chunk(broadcast, chunk, self._clock.now())
            if stands is None:
                return True  # paused or cancelled: whoever resumes it calls another planner
            number += 1
            if stands.points != chunk.points:
                # A planner whose lease was over had put it, from rows of its own moment.
                rows = self._rows(broadcast, stands.points[-1])
            now = self._clock.now()
            if now - began > _WORKS:
                self._defer.wait(task, _AT_ONCE, "next_part")
                return False
            if now - renewed > _RENEWS_AFTER:
                if not self._tasks.extend(task, now):
                    return False
                renewed = now
        self._planned(broadcast)
        return True

    def _rows(self, broadcast: Broadcast, after: str) -> Iterator[TextableNumber]:
        """Yield the audience after a point, shard by shard; nobody who joined since the start."""
        assert broadcast.frozen is not None
        return audience_of(self._audience, broadcast, broadcast.frozen.taken_at, after)

    def _planned(self, broadcast: Broadcast) -> None:
        """No chunk will come any more: the audience is known, and the broadcast may be finished.

        If somebody changed it meanwhile, that is for whom he called.
        """
        now = self._clock.now()
        planned = replace(
            broadcast,
            state=BroadcastState.SENDING,
            planned=True,
            audience=self._broadcasts.planned_size(broadcast),
            version=broadcast.version + 1,
        )
        if self._broadcasts.update(planned, now):
            self._tell("broadcast_planned", planned, audience=planned.audience)

    # --- resumed and cancelled ---------------------------------------------------------------

    def _call_chunks(self, task: Task, broadcast: Broadcast) -> None:
        """Queue the open chunks, once for each call of a planner: they wait since the pause."""
        if task.payload.get(_CALLED):
            return
        rows: list[RowKey] = list(self._broadcasts.open_rows(broadcast))
        if self._queue.send(rows):
            raise RetryableError("not every chunk could be queued")
        # Also if there was none: those that this planner adds are called by the stream.
        self._tasks.mark(task, task.state, self._clock.now(), {_CALLED: True})

    def _settle(self, task: Task, broadcast: Broadcast) -> None:
        """Close a cancelled broadcast: who was planned is its audience, the open chunks end."""
        self._call_chunks(task, broadcast)
        if broadcast.planned:
            return
        now = self._clock.now()
        settled = replace(
            broadcast,
            planned=True,
            audience=self._broadcasts.planned_size(broadcast),
            version=broadcast.version + 1,
        )
        if not self._broadcasts.update(settled, now):
            raise RetryableError("the broadcast changed while it was settled")

    def _tell(self, code: str, broadcast: Broadcast, **fields: object) -> None:
        self._telemetry.info(
            code,
            connection_id=broadcast.connection_id,
            broadcast_id=broadcast.broadcast_id,
            **fields,
        )


def audience_of(
    audience: GroupAudience, broadcast: Broadcast, taken_at: datetime, after: str = ""
) -> Iterator[TextableNumber]:
    """Yield the numbers of a broadcast's groups, in order, each once, after the point `after`.

    One merge for planner and preview (L-04).
    """
    names = (broadcast.merchant_id, broadcast.connection_id)
    for shard in range(shard_of_point(after) if after else 0, GROUP_SHARDS):
        groups = dict.fromkeys(broadcast.group_ids)
        streams = [audience.textable(*names, group, shard, after) for group in groups]
        yield from merged(streams, taken_at)


def _chunk(broadcast: Broadcast, number: int, rows: list[TextableNumber]) -> Chunk:
    key = ChunkKey(
        broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id, f"{number:06d}"
    )
    regions = {place: row.region for place, row in enumerate(rows) if row.region}
    return Chunk(key, tuple(row.point_id for row in rows), regions)
