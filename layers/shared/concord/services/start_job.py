"""Start a job of a connection: of each kind one runs at a time."""

from __future__ import annotations

from collections.abc import Callable

from concord.domain.connection import Connection
from concord.domain.jobs import Job
from concord.domain.tasks import TaskSpec
from concord.ports import Clock, Jobs, Tasks
from concord.services.make_secrets import RandomBytes, new_scoped_id

type RunTask = Callable[[str, str], TaskSpec]
"""The task of a connection's job, by connection id and job id; its name holds the first alone."""


class StartJob:
    """Starts jobs; whoever starts one that runs is answered with it."""

    def __init__(
        self, *, tasks: Tasks, jobs: Jobs, clock: Clock, random_bytes: RandomBytes
    ) -> None:
        self._tasks = tasks
        self._jobs = jobs
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(self, connection: Connection, run_task: RunTask) -> str:
        """Start the job unless one runs; returns the id of the one that does. Safe to repeat.

        The job first, the task second: whoever dies in between leaves a job that nobody was told
        of, and that goes after 30 days.
        """
        merchant_id = connection.merchant_id
        running = self._running(connection, run_task)
        if running:
            return running
        job_id = new_scoped_id(merchant_id, self._random_bytes, length=16)
        spec, now = run_task(connection.connection_id, job_id), self._clock.now()
        self._jobs.put(merchant_id, Job(job_id, spec.kind, now))
        self._tasks.ensure(merchant_id, spec, now)
        # Somebody else may have been first: the row says whose job it is.
        return self._running(connection, run_task) or job_id

    def _running(self, connection: Connection, run_task: RunTask) -> str:
        row = self._tasks.find(connection.merchant_id, run_task(connection.connection_id, ""))
        return str(row.payload["job_id"]) if row else ""
