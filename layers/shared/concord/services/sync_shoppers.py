"""Have a shop's groups and shoppers read in full: the life of the task, and of its job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import PermanentError, RetryableError, ThrottledError
from concord.domain.jobs import Job, JobState
from concord.domain.metrics import Metric
from concord.domain.sync import AWAY, NO_CAPABILITY, NOT_CONNECTED, Place
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, ImportParts, Jobs, Tasks, Telemetry
from concord.services.authenticate import Authenticator
from concord.services.defer_tasks import DeferTasks
from concord.services.reach_platforms import ReachPlatforms
from concord.services.read_source import ReadSource

# Between two slices: their API serves tills as well, and other work of ours waits in the queue.
_PAUSE: Final = timedelta(seconds=2)
# Tries of one page, one after the other: some three hours. The next day's read begins anew.
_GIVES_UP_AFTER: Final = 40


class SyncShoppers:
    """The worker of a full read, a slice at a time; `ReadSource` does what is in a slice."""

    def __init__(
        self,
        *,
        connections: Connections,
        authenticator: Authenticator,
        reach: ReachPlatforms,
        read: ReadSource,
        jobs: Jobs,
        seen: ImportParts,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._reach = reach
        self._read = read
        self._jobs = jobs
        self._seen = seen
        self._tasks = tasks
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Do the next slice, then put the task off or end it.

        Raises CredentialsRejectedError and StorageError. A failed job whose task is there again was
        retried by an operator: it begins anew.
        """
        job = self._jobs.get(str(task.payload["job_id"]))
        if job is None:  # its 30 days are over: nobody waits for it any more
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
            return
        if job.state is JobState.DONE:
            self._end(task, job)
            return
        connection = self._connections.get(task.connection_id, fresh=True)
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            self._end(task, replace(job, state=JobState.FAILED, reason=NOT_CONNECTED))
            return
        if self._defer.held(task, connection):
            return
        if job.state is JobState.FAILED:
            job = Job(job.job_id, job.kind, self._clock.now())
        self._try(task, connection, job)

    def _try(self, task: Task, connection: Connection, job: Job) -> None:
        noted = replace(job, state=JobState.RUNNING, reason="")

        def note(progress: Job) -> None:
            nonlocal noted
            noted = progress
            self._jobs.put(task.merchant_id, progress)

        try:
            self._slice(connection, noted, note)
        except PermanentError as refusal:
            self._fail(task, noted, refusal.reason, refusal.detail)
        except RetryableError as problem:
            self._again(task, noted, problem)
        else:
            if noted.ended:
                self._end(task, noted)
            else:
                self._defer.wait(task, _PAUSE, "next_slice")

    def _slice(self, connection: Connection, job: Job, note: Callable[[Job], None]) -> None:
        source = self._reach.shopper_source(connection)
        if source is None:
            raise PermanentError("this platform lists no shoppers", reason=NO_CAPABILITY)
        self._read(self._authenticator.with_secrets(connection), source, job, note)

    def _again(self, task: Task, job: Job, problem: RetryableError) -> None:
        place = Place.read(job.cursor)
        place = replace(place, failures=place.failures + 1)
        if place.failures > _GIVES_UP_AFTER:
            self._fail(task, job, AWAY, problem.detail)
            return
        self._jobs.put(task.merchant_id, replace(job, cursor=place.write()))
        retry_after = problem.retry_after if isinstance(problem, ThrottledError) else None
        # By the failures of this page: the row counts every slice as an attempt.
        failing = replace(task, attempts=place.failures)
        self._defer.back_off(failing, problem.code, retry_after)

    def _fail(self, task: Task, job: Job, reason: str, words: str) -> None:
        """End the job without a result and park its task, so that an operator can retry it."""
        job = replace(job, state=JobState.FAILED, reason=reason, cursor="")
        self._jobs.put(task.merchant_id, job)
        self._seen.forget(job.job_id)
        self._telemetry.count(Metric.TASK_FAILED)
        self._tasks.fail(task, reason, words, self._clock.now())

    def _end(self, task: Task, job: Job) -> None:
        self._jobs.put(task.merchant_id, job)
        self._seen.forget(job.job_id)
        self._telemetry.info(
            "shoppers_synced",
            connection_id=task.connection_id,
            job_id=job.job_id,
            state=job.state.value,
            reason=job.reason,
            created=job.created,
            updated=job.updated,
            **job.notes,
        )
        self._tasks.mark(task, TaskState.DONE, self._clock.now())
