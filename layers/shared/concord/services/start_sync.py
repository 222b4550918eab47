"""Have a shop's groups and shoppers read in full: once when it is connected, daily, on demand."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import ConflictError
from concord.domain.jobs import NOT_CONNECTED
from concord.domain.sync import run_task, timer_task
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Tasks
from concord.services.change_connection import find_connection
from concord.services.defer_tasks import DeferTasks
from concord.services.start_job import StartJob

# Of the interval, either way: connections that were made together are not read together for ever.
_JITTER: Final = 0.05


class StartSync:
    """Starts full reads. One runs per connection: a second start finds the one that does."""

    def __init__(
        self, *, connections: Connections, tasks: Tasks, start: StartJob, clock: Clock
    ) -> None:
        self._connections = connections
        self._tasks = tasks
        self._start = start
        self._clock = clock

    def on_demand(self, connection_id: str) -> str:
        """Start a read for an operator and return the id of its job, or of the one that runs.

        Raises NotFoundError, ConflictError `connection_not_connected`.
        """
        connection = find_connection(self._connections, connection_id)
        if connection.state is not ConnectionState.CONNECTED:
            raise ConflictError(f"the connection is {connection.state}", code=NOT_CONNECTED)
        return self(connection)

    def __call__(self, connection: Connection) -> str:
        """Start a read unless one runs; returns the id of the job. Safe to repeat."""
        return self._start(connection, run_task)

    def on_its_own(self, connection: Connection) -> None:
        """Insert what reads without being asked: a read now, and the timer. Safe to repeat.

        A connection whose `sync_hours` is null is read on demand alone.
        """
        if connection.settings.sync_hours is not None:
            self.keep_time(connection)
            self(connection)

    def keep_time(self, connection: Connection) -> None:
        """Insert the timer of the interval that is set; the one that is there is left alone."""
        hours = connection.settings.sync_hours
        if hours is not None:
            spec = timer_task(connection.connection_id, hours)
            self._tasks.ensure(connection.merchant_id, spec, self._clock.now())


class KeepSyncTime:
    """The worker of a timer: starts a read and the day's part of the groups' repair, and puts its
    row off for the interval."""

    def __init__(
        self,
        *,
        connections: Connections,
        tasks: Tasks,
        defer: DeferTasks,
        start: StartSync,
        sweep: Callable[[Connection, int], None],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._connections = connections
        self._tasks = tasks
        self._defer = defer
        self._start = start
        self._sweep = sweep
        self._clock = clock
        self._rng = rng

    def __call__(self, task: Task) -> None:
        """Start a read if the connection is connected. The timer ends with its connection, and with
        its interval.

        When it is looked at first it was inserted a moment ago, beside a read or by a change of the
        interval: then it only begins to count.
        """
        connection = self._connections.get(task.connection_id, fresh=True)
        hours = connection.settings.sync_hours if connection else None
        over = connection is None or connection.state is ConnectionState.DISCONNECTED
        if hours is None or over or task.task_id != timer_task(task.connection_id, hours).task_id:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
            return
        assert connection is not None
        if task.attempts > 1 and connection.state is ConnectionState.CONNECTED:
            self._start(connection)
            self._sweep(connection, task.attempts)
        wait = timedelta(hours=hours) * self._rng.uniform(1 - _JITTER, 1 + _JITTER)
        self._defer.until(task, self._clock.now() + wait, "next_sync")
