"""Work off an import that is a job (R-26): a slice at a time, with its place kept in the job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from concord.domain.imports import ACCEPTED, ImportPart, RowOutcome
from concord.domain.jobs import Job, JobState
from concord.domain.tasks import Task, TaskState
from concord.domain.times import from_rfc3339
from concord.ports import Clock, Connections, ImportParts, Jobs, Tasks
from concord.services.apply_rows import ApplyRows, Import
from concord.services.authenticate import Authenticator
from concord.services.defer_tasks import DeferTasks

_PAGE: Final = 100
# Five messages of the bulk queue share an invocation of 30 s.
_BEGINS_WITHIN: Final = timedelta(seconds=3)
_ENDS_WITHIN: Final = timedelta(seconds=5)
_AT_ONCE: Final = timedelta(0)


class RunImport:
    """The worker of `import_consents` rows.

    `created` counts accepted rows of points that nothing was known of, `updated` the other
    accepted ones, `skipped` the rest by result; a dry run counts what would be. Before a slice
    begins the job says so: where a slice begins twice its worker was killed, and the rows that it
    had applied are told from their evidence, so every row counts once.
    """

    def __init__(
        self,
        *,
        connections: Connections,
        authenticator: Authenticator,
        apply_rows: ApplyRows,
        jobs: Jobs,
        parts: ImportParts,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._apply_rows = apply_rows
        self._jobs = jobs
        self._parts = parts
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Apply the next slice of rows, then put the task off or end it, and its rows with it."""
        job_id = str(task.payload["job_id"])
        job = self._jobs.get(job_id)
        if job is not None and not job.ended:
            job = self._next(task, job)
            self._jobs.put(task.merchant_id, job)
        if job is None or job.ended:  # None: its 30 days are over
            self._parts.forget(job_id)
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
        else:
            self._defer.wait(task, _AT_ONCE, "next_slice")

    def _next(self, task: Task, job: Job) -> Job:
        connection = self._connections.get(task.connection_id, fresh=True)
        if connection is None or not connection.listens:
            return replace(job, state=JobState.FAILED, reason="connection_not_connected")
        number, offset = _place(job)
        part = self._parts.get(job.job_id, number)
        if part is None:
            return replace(job, state=JobState.FAILED, reason="rows_expired")
        again = job.begun == job.done
        if not again:
            job = replace(job, state=JobState.RUNNING, begun=job.done)
            self._jobs.put(task.merchant_id, job)
        shared = Import(
            opened=self._authenticator.with_secrets(connection),
            import_id=str(task.payload["import_id"]),
            attestation=part.attestation,
            dry_run=bool(task.payload["dry_run"]),
            received_at=from_rfc3339(str(task.payload["received_at"])),
        )
        return self._slice(shared, job, part, number, offset, again=again)

    def _slice(
        self, shared: Import, job: Job, part: ImportPart, number: int, offset: int, *, again: bool
    ) -> Job:
        """Apply page after page while there is time; the first one always."""
        began = self._clock.now()
        seen = self._parts.noted(job.job_id, job.done) if shared.dry_run else set()
        fresh: set[bytes] = set()
        more = True
        while more:
            outcomes = self._apply_rows(
                shared,
                part.rows[offset : offset + _PAGE],
                first=job.done + 1,
                ends_at=began + _ENDS_WITHIN,
                again=again,
                seen=seen | fresh,
            )
            fresh |= {each.point for each in outcomes if each.result == ACCEPTED}
            job, offset = _told(job, outcomes), offset + len(outcomes)
            more = offset < len(part.rows) and self._clock.now() - began < _BEGINS_WITHIN
        if shared.dry_run:
            self._parts.note(job.job_id, job.done, fresh)
        after = f"{number}:{offset}" if offset < len(part.rows) else f"{number + 1}:0"
        state = JobState.DONE if job.done >= job.total else JobState.RUNNING
        return replace(job, cursor=after, state=state)


def _place(job: Job) -> tuple[int, int]:
    """Return the part and the row within it (both from 0) where the next slice begins."""
    number, _, offset = (job.cursor or "0:0").partition(":")
    return int(number), int(offset)


def _told(job: Job, outcomes: list[RowOutcome]) -> Job:
    accepted = [each.new for each in outcomes if each.result == ACCEPTED]
    numbered = enumerate(outcomes, job.done + 1)
    return job.tell(
        created=sum(accepted),
        updated=len(accepted) - sum(accepted),
        skipped=[(each.result, number) for number, each in numbered if each.result != ACCEPTED],
    )
