"""Replay kept bodies (R-24): by id, or all that failed or waited within a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from concord.domain.errors import ConcordError, NotFoundError, StorageError
from concord.domain.inbox import InboxEntry, InboxState
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Inbox, Jobs, Tasks, Telemetry
from concord.services.authenticate import Authenticator
from concord.services.defer_tasks import DeferTasks
from concord.services.ingest_webhook import IngestWebhook
from concord.services.parse_consent import parse_consent_call
from concord.services.record_consent import RecordConsent

_PER_RUN: Final = 100
_DONE: Final = frozenset({InboxState.PROCESSED, InboxState.IGNORED})
_NEXT_PAGE: Final = timedelta(seconds=1)


class ReplayInbox:
    """Applies kept bodies again. Markers make it safe: what is done stays done."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        connections: Connections,
        authenticator: Authenticator,
        ingest: IngestWebhook,
        record_consent: RecordConsent,
        telemetry: Telemetry,
    ) -> None:
        self._inbox = inbox
        self._connections = connections
        self._authenticator = authenticator
        self._ingest = ingest
        self._record_consent = record_consent
        self._telemetry = telemetry

    def one(self, merchant_id: str, inbox_id: str) -> InboxState:
        """Replay one body and return what became of it. Raises NotFoundError, StorageError."""
        entry = self._inbox.get(merchant_id, inbox_id)
        if entry is None or entry.merchant_id != merchant_id:
            raise NotFoundError("no such body; bodies are kept for 30 days")
        return self.entry(entry)

    def entry(self, entry: InboxEntry) -> InboxState:
        """Replay `entry`; a body that fails again stays `failed`, with the reason."""
        connection = self._connections.get(entry.connection_id, fresh=True)
        if connection is None:
            raise NotFoundError("its connection is gone")
        opened = self._authenticator.with_secrets(connection)
        try:
            if entry.kind == "connect":
                call = parse_consent_call(entry.request.body)
                self._record_consent.apply(opened, call, entry.request, stored=True)
                state = InboxState.PROCESSED
            else:
                state = self._ingest.replay(entry, opened)
        except StorageError:
            raise
        except Exception as problem:  # a body that cannot be read must not stop the others
            self._telemetry.count("ReplayFailed")
            reason = problem.code if isinstance(problem, ConcordError) else type(problem).__name__
            self._inbox.set_state(entry, InboxState.FAILED, reason)
            return InboxState.FAILED
        self._inbox.set_state(entry, state)
        return state


class RunReplay:
    """The worker of `replay_inbox` rows: a page at a time, with its place kept in the job."""

    def __init__(
        self,
        *,
        replay: ReplayInbox,
        inbox: Inbox,
        jobs: Jobs,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._replay = replay
        self._inbox = inbox
        self._jobs = jobs
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Replay the next page of bodies without effect, then put the row off or end it."""
        job_id = str(task.payload["job_id"])
        job = dict(self._jobs.get(job_id) or {"state": "running", "done": 0, "total": 0})
        skipped = dict(job.get("skipped") or {})
        cursor = str(job.get("cursor") or "")
        only = task.payload.get("connection_id")
        seen = 0
        for entry in self._inbox.between(
            task.merchant_id,
            datetime.fromisoformat(str(task.payload["from"])),
            datetime.fromisoformat(str(task.payload["to"])),
            after=cursor or None,
        ):
            if seen == _PER_RUN:
                break
            seen, cursor = seen + 1, entry.inbox_id
            if entry.state in _DONE or (only and entry.connection_id != only):
                skipped["not_needed"] = int(skipped.get("not_needed", 0)) + 1
            elif self._replay.entry(entry) is InboxState.FAILED:
                skipped["failed"] = int(skipped.get("failed", 0)) + 1
            else:
                job["updated"] = int(job.get("updated", 0)) + 1
            job["done"] = int(job.get("done", 0)) + 1
        finished = seen < _PER_RUN
        job.update(skipped=skipped, cursor=cursor, total=job["done"])
        job["state"] = "done" if finished else "running"
        self._jobs.put(task.merchant_id, job_id, job)
        if finished:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
        else:
            self._defer.wait(task, _NEXT_PAGE, "next_page")
