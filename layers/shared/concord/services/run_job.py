"""Run the jobs of connections: each takes its slice, backs off, fails and ends alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import PermanentError, RetryableError, ThrottledError
from concord.domain.jobs import AWAY, NOT_CONNECTED, Job, JobState
from concord.domain.metrics import Metric
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Jobs, Tasks, Telemetry
from concord.services.defer_tasks import DeferTasks

# Tries of one step, one after the other: some three hours.
_GIVES_UP_AFTER: Final = 40

type Note = Callable[[Job], None]
"""Keeps a job as far as it is; what follows a failure begins there."""


class JobPlace(Protocol):
    """Where a job is, as its cursor says. `failures` counts the tries of this step that failed."""

    @property
    def failures(self) -> int: ...

    def failed(self) -> JobPlace:
        """Return the place after one more try that failed."""

    def write(self) -> str:
        """Return the place as a job keeps it."""


class JobWork(Protocol):
    """What is done in a job. `told_as` is the log line of its end, `pause` lies between slices:
    other work of ours waits for the same platform."""

    @property
    def told_as(self) -> str: ...

    @property
    def pause(self) -> timedelta: ...

    def slice(self, task: Task, connection: Connection, job: Job, note: Note) -> None:
        """Do what a few seconds allow from the job's cursor on, and note it; an ended job is the
        last. Where the lease is lost it stops. Raises PlatformError, StorageError."""

    def place(self, cursor: str) -> JobPlace:
        """Read a job's cursor."""

    def forget(self, job_id: str) -> None:
        """Delete what was kept for this job alone. Safe to repeat."""


class RunJob:
    """Runs the slices of jobs, one each time that their task comes."""

    def __init__(
        self,
        *,
        connections: Connections,
        jobs: Jobs,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._connections = connections
        self._jobs = jobs
        self._tasks = tasks
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task, work: JobWork) -> None:
        """Do the next slice, then put the task off or end it.

        Raises CredentialsRejectedError and StorageError. A failed job whose task is there again was
        retried by an operator: it begins anew.
        """
        job = self._jobs.get(str(task.payload["job_id"]))
        if job is None:  # its 30 days are over: nobody waits for it any more
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
            return
        if job.state is JobState.DONE:
            self._end(task, work, job)
            return
        connection = self._connections.get(task.connection_id, fresh=True)
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            self._end(task, work, replace(job, state=JobState.FAILED, reason=NOT_CONNECTED))
            return
        if self._defer.held(task, connection):
            return
        if job.state is JobState.FAILED:
            job = Job(job.job_id, job.kind, self._clock.now())
        self._try(task, work, connection, replace(job, state=JobState.RUNNING, reason=""))

    def _try(self, task: Task, work: JobWork, connection: Connection, job: Job) -> None:
        noted = job

        def note(progress: Job) -> None:
            nonlocal noted
            noted = progress
            self._jobs.put(task.merchant_id, progress)

        try:
            work.slice(task, connection, job, note)
        except PermanentError as refusal:
            self._fail(task, work, noted, refusal.reason, refusal.detail)
        except RetryableError as problem:
            self._again(task, work, noted, problem)
        else:
            if noted.ended:
                self._end(task, work, noted)
            else:
                self._defer.wait(task, work.pause, "next_slice")

    def _again(self, task: Task, work: JobWork, job: Job, problem: RetryableError) -> None:
        place = work.place(job.cursor).failed()
        if place.failures > _GIVES_UP_AFTER:
            self._fail(task, work, job, AWAY, problem.detail)
            return
        self._jobs.put(task.merchant_id, replace(job, cursor=place.write()))
        retry_after = problem.retry_after if isinstance(problem, ThrottledError) else None
        # By the failures of this step: the row counts every slice as an attempt.
        failing = replace(task, attempts=place.failures)
        self._defer.back_off(failing, problem.code, retry_after)

    def _fail(self, task: Task, work: JobWork, job: Job, reason: str, words: str) -> None:
        """End the job without a result and park its task, so that an operator can retry it."""
        job = replace(job, state=JobState.FAILED, reason=reason, cursor="")
        self._jobs.put(task.merchant_id, job)
        work.forget(job.job_id)
        self._telemetry.count(Metric.TASK_FAILED)
        self._tasks.fail(task, reason, words, self._clock.now())

    def _end(self, task: Task, work: JobWork, job: Job) -> None:
        self._jobs.put(task.merchant_id, job)
        work.forget(job.job_id)
        self._telemetry.info(
            work.told_as,
            connection_id=task.connection_id,
            job_id=job.job_id,
            state=job.state.value,
            reason=job.reason,
            created=job.created,
            updated=job.updated,
            **{f"skipped_{reason}": count for reason, count in job.skipped.items()},
            **job.notes,
        )
        self._tasks.mark(task, TaskState.DONE, self._clock.now())
