"""Fetch an account's text numbers, and look again at a text that came to an unknown one."""

from __future__ import annotations

from contextlib import suppress

from concord.domain.connection import ConnectionState
from concord.domain.errors import ConflictError, NotFoundError
from concord.domain.metrics import Metric
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Tasks, Telemetry
from concord.services.keep_numbers import KeepNumbers
from concord.services.replay_inbox import ReplayInbox


class RefreshNumbers:
    """The worker of `fetch_numbers` rows."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        numbers: KeepNumbers,
        replay: ReplayInbox,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._numbers = numbers
        self._replay = replay
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Fetch, store, replay. Raises RetryableError, CredentialsRejectedError (put off).

        A number that another merchant has ends the row as failed: an operator has to say whose it
        is. The text is looked at all the same, since this account's own signed webhook brought it.
        """
        refusal = self._fetch(task)
        inbox_id = str(task.payload.get("inbox_id") or "")
        if inbox_id:
            with suppress(NotFoundError):  # its 30 days are over: nothing is left to look at
                self._replay.one(task.merchant_id, inbox_id)
        if refusal is None:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
            return
        self._telemetry.count(Metric.TASK_FAILED)
        self._tasks.fail(task, refusal.code, str(refusal), self._clock.now())

    def _fetch(self, task: Task) -> ConflictError | None:
        connection = self._connections.get(task.connection_id, fresh=True)
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            return None  # it is over: nobody asks its platforms any more
        try:
            self._numbers.fetch(connection)
        except ConflictError as refusal:
            return refusal
        return None
