"""Give a chunk back to the queue: until its moment, its sender's time, or somebody goes on."""

from __future__ import annotations

from datetime import timedelta

from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.chunks import chunk_of, due_of
from concord.domain.connection import Connection
from concord.domain.metrics import Metric
from concord.domain.pacing import sender_account
from concord.domain.tasks import LONGEST_WAIT, Task
from concord.ports import Clock, TaskQueue, Telemetry
from concord.ports.broadcasts import HandOverReads, Pace
from concord.services.chunk_run import PAUSED, TAKEN, Ending, Run
from concord.services.defer_tasks import DeferTasks
from concord.services.hold_broadcast import HoldBroadcast


class GiveBackChunk:
    """Where a `send_chunk` row goes when its pass is over and its chunk is not."""

    def __init__(
        self,
        *,
        reads: HandOverReads,
        pace: Pace,
        hold: HoldBroadcast,
        defer: DeferTasks,
        queue: TaskQueue,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._reads = reads
        self._pace = pace
        self._hold = hold
        self._defer = defer
        self._queue = queue
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, run: Run, ending: Ending) -> None:
        """Give the row back at the end of a pass, for as long as its ending says."""
        if ending.credentials:
            self._telemetry.count(Metric.BROADCAST_HELD)
            self._defer.pause(run.task)
        elif ending.held:
            self.held(run.task, run.connection, run.broadcast, ending.held)
        elif ending.reason == PAUSED:
            self._paused(run.task, run.connection, PAUSED)
        else:
            self._later(run, ending)

    def waits(self, task: Task, connection: Connection, broadcast: Broadcast) -> bool:
        """Put the row off if nobody may be texted yet; True if it was."""
        due_at = due_of(task)
        if due_at is not None and due_at > self._clock.now():
            self._defer.until(task, due_at, "not_due")
            return True
        if self._defer.held(task, connection):
            return True
        if broadcast.state is BroadcastState.PAUSED:
            self._paused(task, connection, PAUSED)
            return True
        return False

    def taken(self, task: Task) -> None:
        """Leave the chunk to the worker that took it over."""
        self._telemetry.info("chunk_taken_over", connection_id=task.connection_id)
        self._defer.wait(task, LONGEST_WAIT, TAKEN)

    def held(self, task: Task, connection: Connection, broadcast: Broadcast, reason: str) -> None:
        """Pause the broadcast ourselves: going on would be refused all the same."""
        if self._hold(broadcast, reason):
            self._telemetry.count(Metric.BROADCAST_HELD)
        self._paused(task, connection, "broadcast_held")

    def _paused(self, task: Task, connection: Connection, reason: str) -> None:
        """Give the row back until somebody resumes the broadcast. Who did so, or cancelled it,
        while the row was still ours called it in vain: then it is called once more."""
        self._defer.wait(task, LONGEST_WAIT, reason)
        account, now = sender_account(connection), self._clock.now()
        broadcast = self._reads.facts(chunk_of(task), account, (), now).broadcast
        if broadcast is not None and broadcast.state is not BroadcastState.PAUSED:
            self._queue.send([task.key])

    def _later(self, run: Run, ending: Ending) -> None:
        now = self._clock.now()
        at = ending.at or now
        if ending.clock is not None:
            mine = self._pace.wait(run.carrier.account, run.task.key, ending.clock)
            # Who has its turn tells the next when it is done; this is for the case that it dies.
            at = at if mine else now + LONGEST_WAIT
        self._defer.wait(run.task, max(at - now, timedelta(0)), ending.reason)
