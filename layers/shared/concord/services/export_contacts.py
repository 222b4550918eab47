"""Export all customers once (ECO-18): the life of the task, and of its job."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.contact_export import (
    AWAY,
    CREATED,
    NO_CAPABILITY,
    NO_LIST,
    UPDATED,
    WRITTEN,
    Place,
)
from concord.domain.errors import PermanentError, RetryableError, ThrottledError
from concord.domain.jobs import Job, JobState
from concord.domain.metrics import Metric
from concord.domain.sync import NOT_CONNECTED
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, ContactPeer, Jobs, Shoppers, Tasks, Telemetry
from concord.services.defer_tasks import DeferTasks
from concord.services.reach_platforms import ReachPlatforms
from concord.services.write_contacts import WriteContacts

# A part is written with one call. Twice as many less one at most: a request brings a hundred.
_PART: Final = 100
# Of the 30 s that an invocation has: a part that begins in time ends in time, also where each of
# its customers has to be looked at.
_BEGINS_WITHIN: Final = timedelta(seconds=3)
# Between two passes: the pushes of single customers ask the same platform.
_PAUSE: Final = timedelta(seconds=1)
# Tries of one part, one after the other: some three hours.
_GIVES_UP_AFTER: Final = 40


class ExportContacts:
    """The worker of `export_contacts` rows. `WriteContacts` decides and writes.

    Part after part: what becomes of its customers is planned and kept in the job, they are written,
    and the job counts them and moves on. Killed anywhere, a part is begun again by its plan, so
    nobody counts twice. `created` are those whom we never wrote before, `updated` the others that
    changed; `total` is known at the end.
    """

    def __init__(
        self,
        *,
        connections: Connections,
        reach: ReachPlatforms,
        shoppers: Shoppers,
        write: WriteContacts,
        jobs: Jobs,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._connections = connections
        self._reach = reach
        self._shoppers = shoppers
        self._write = write
        self._jobs = jobs
        self._tasks = tasks
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Do the next parts, then put the task off or end it.

        Raises CredentialsRejectedError and StorageError. A failed job whose task is there again was
        retried by an operator: it begins anew.
        """
        job = self._jobs.get(str(task.payload["job_id"]))
        if job is None or job.state is JobState.DONE:  # None: its 30 days are over
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
            return
        connection = self._connections.get(task.connection_id, fresh=True)
        if connection is None or connection.state is ConnectionState.DISCONNECTED:
            self._end(task, replace(job, state=JobState.FAILED, reason=NOT_CONNECTED))
            return
        if self._defer.held(task, connection):
            return
        if job.state is JobState.FAILED:
            job = Job(job.job_id, job.kind, self._clock.now())
        self._try(task, connection, replace(job, state=JobState.RUNNING))

    def _try(self, task: Task, connection: Connection, job: Job) -> None:
        began = self._clock.now()
        try:
            peer, list_id = self._list(connection)
            while not job.ended and self._clock.now() - began < _BEGINS_WITHIN:
                job = self._planned(task, connection, job)
                if not self._tasks.extend(task, self._clock.now()):
                    return  # another worker has it
                job = self._written(connection, peer, list_id, job)
                self._jobs.put(task.merchant_id, job)
        except PermanentError as refusal:
            self._fail(task, job, refusal.reason, refusal.detail)
        except RetryableError as problem:
            self._again(task, job, problem)
        else:
            if job.ended:
                self._end(task, job)
            else:
                self._defer.wait(task, _PAUSE, "next_part")

    def _list(self, connection: Connection) -> tuple[ContactPeer, str]:
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        if peer is None:
            raise PermanentError("this platform keeps no contacts", reason=NO_CAPABILITY)
        if connection.contact_list is None:
            raise PermanentError("no contact list is chosen", reason=NO_LIST)
        return peer, connection.contact_list

    def _planned(self, task: Task, connection: Connection, job: Job) -> Job:
        """Return the job with a plan of its next part; it is kept before anybody is written."""
        place = Place.read(job.cursor)
        if place.plan:
            return job
        names, behind = self._names(connection, place.after)
        plan = self._write.plan(connection, names)
        job = replace(job, cursor=replace(place, plan=plan, behind=behind).write())
        if WRITTEN & set(plan.values()):
            self._jobs.put(task.merchant_id, job)
        return job

    def _names(self, connection: Connection, after: str) -> tuple[list[str], str | None]:
        """Return who comes next, and the cursor behind them; nobody, if the table holds others."""
        began = self._clock.now()
        names: list[str] = []
        behind: str | None = after
        while behind is not None and len(names) < _PART:
            found = self._shoppers.names(connection.merchant_id, connection.connection_id, behind)
            names.extend(found.items)
            behind = found.cursor
            if self._clock.now() - began >= _BEGINS_WITHIN:
                break
        return names, behind

    def _written(self, connection: Connection, peer: ContactPeer, list_id: str, job: Job) -> Job:
        """Write the part that is planned; return the job with its customers counted."""
        place = Place.read(job.cursor)
        came = Counter(self._write.write(connection, peer, list_id, place.plan).values())
        left = [(reason, None) for reason in came.elements() if reason not in WRITTEN]
        job = job.tell(created=came[CREATED], updated=came[UPDATED], skipped=left)
        if place.behind is None:
            return replace(job, state=JobState.DONE, cursor="")
        # How many there are is known at the end: a bar that is full all the time would say nothing.
        return replace(job, total=0, cursor=Place(after=place.behind).write())

    def _again(self, task: Task, job: Job, problem: RetryableError) -> None:
        place = Place.read(job.cursor).failed()
        if place.failures > _GIVES_UP_AFTER:
            self._fail(task, job, AWAY, problem.detail)
            return
        self._jobs.put(task.merchant_id, replace(job, cursor=place.write()))
        retry_after = problem.retry_after if isinstance(problem, ThrottledError) else None
        # By the failures of this part: the row counts every pass as an attempt.
        failing = replace(task, attempts=place.failures)
        self._defer.back_off(failing, problem.code, retry_after)

    def _fail(self, task: Task, job: Job, reason: str, words: str) -> None:
        """End the job without a result and park its task, so that an operator can retry it."""
        job = replace(job, state=JobState.FAILED, reason=reason, cursor="")
        self._jobs.put(task.merchant_id, job)
        self._telemetry.count(Metric.TASK_FAILED)
        self._tasks.fail(task, reason, words, self._clock.now())

    def _end(self, task: Task, job: Job) -> None:
        self._jobs.put(task.merchant_id, job)
        self._telemetry.info(
            "contacts_exported",
            connection_id=task.connection_id,
            job_id=job.job_id,
            state=job.state.value,
            reason=job.reason,
            created=job.created,
            updated=job.updated,
            **{f"skipped_{reason}": count for reason, count in job.skipped.items()},
        )
        self._tasks.mark(task, TaskState.DONE, self._clock.now())
