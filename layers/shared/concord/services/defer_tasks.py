"""Put a task off: back off after a failure, wait while a connection is held, pause on bad keys."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection, ConnectionState
from concord.domain.metrics import Metric
from concord.domain.tasks import LONGEST_WAIT, Task, TaskKind, TaskState, backoff
from concord.ports import Clock, Connections, TaskQueue, Tasks, Telemetry

_HOLD: Final = timedelta(seconds=60)
# After ten minutes of waiting nobody is about to reconnect: look a few times an hour.
_HOLD_LONG: Final = LONGEST_WAIT
_HELD_OFTEN: Final = 10
_ATTEMPTS: Final = 5
_CLOSED_BY_THEIR_WORKERS: Final = frozenset({TaskKind.SEND_CHUNK, TaskKind.PLAN_BROADCAST})


class DeferTasks:
    """A wait for something unsure is at most LONGEST_WAIT, and goes to SQS as a delayed message.

    Not the message's own visibility: every receive counts towards the dead-letter queue, and a
    consent push may have to wait for a platform longer than any receive limit allows.
    """

    def __init__(
        self,
        *,
        tasks: Tasks,
        queue: TaskQueue,
        connections: Connections,
        clock: Clock,
        telemetry: Telemetry,
        keep_untold: Callable[[Task, Connection], None],
        rng: random.Random,
    ) -> None:
        self._tasks = tasks
        self._queue = queue
        self._connections = connections
        self._clock = clock
        self._telemetry = telemetry
        self._keep_untold = keep_untold
        self._rng = rng

    def back_off(self, task: Task, error: str, retry_after: float | None = None) -> None:
        """Give the row back, due after a jittered wait that grows with its attempts."""
        self.wait(task, backoff(task.attempts, retry_after, self._rng), error)

    def wait(self, task: Task, delay: timedelta, error: str) -> None:
        """Give the row back, due after `delay`; a lost lease means that another worker has it."""
        delay = min(delay, LONGEST_WAIT)  # the sweep and the health look no further ahead
        if not self._tasks.retry_at(task, self._clock.now() + delay, error):
            return
        self._tell(task, delay, error)
        self._queue.send([task.key], delay_seconds=int(delay.total_seconds()) + 1)

    def until(self, task: Task, at: datetime, reason: str) -> None:
        """Give the row back, due at `at`, however far away that is; punctual to seconds.

        What no message can be delayed for waits in the index without one: it is not overdue, and
        the sweep queues it shortly before its moment.
        """
        delay = at - self._clock.now()
        if delay < LONGEST_WAIT:
            self.wait(task, max(delay, timedelta(0)), reason)
        elif self._tasks.retry_at(task, at, reason, waits=True):
            self._tell(task, delay, reason)

    def _tell(self, task: Task, delay: timedelta, reason: str) -> None:
        self._telemetry.info(
            "task_put_off",
            connection_id=task.connection_id,
            task_id=task.task_id,
            kind=task.kind.value,
            reason=reason,
            attempts=task.attempts,
            seconds=round(delay.total_seconds(), 1),
        )

    def held(self, task: Task, connection: Connection) -> bool:
        """Put the task off if the connection holds pushes and texts (TEA-01); True if it was.

        A disconnected connection is final: what was open for it ends. What its peers were not told
        is kept for the next connection of the account. A broadcast and its chunks end by being
        closed, which is up to their workers: those rows come again.
        """
        if connection.state is not ConnectionState.CONNECTED:
            # It may have been connected a moment ago, and its tasks queued for that reason.
            connection = self._connections.get(task.connection_id, fresh=True) or connection
        if connection.state is ConnectionState.CONNECTED:
            return False
        ended = connection.state is ConnectionState.DISCONNECTED
        if ended and task.kind not in _CLOSED_BY_THEIR_WORKERS:
            if task.kind is TaskKind.PUSH_CONSENT:
                self._keep_untold(task, connection)
            reason = {"reason": "connection_disconnected"}
            self._tasks.mark(task, TaskState.DROPPED, self._clock.now(), reason)
            return True
        patient = task.attempts > _HELD_OFTEN
        self.wait(task, _HOLD_LONG if patient else _HOLD, f"connection_{connection.state.value}")
        return True

    def pause(self, task: Task) -> None:
        """The platform rejected our credentials: pause the connection, tell the operator, wait.

        A paused connection goes on taking every consent signal; it holds pushes and texts.
        """
        for _ in range(_ATTEMPTS):
            connection = self._connections.get(task.connection_id, fresh=True)
            if connection is None or connection.state is not ConnectionState.CONNECTED:
                break
            audit = AuditEntry(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                at=self._clock.now(),
                actor="concord",
                action="state_changed",
                details={"from": "connected", "to": "paused", "reason": "invalid_api_key"},
            )
            paused = replace(
                connection, state=ConnectionState.PAUSED, version=connection.version + 1
            )
            if self._connections.update(paused, audit):
                self._telemetry.count(Metric.CONNECTION_PAUSED)
                break
        self.wait(task, _HOLD, "invalid_api_key")
