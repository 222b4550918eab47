"""Replay kept bodies (R-24): by id, or all that failed or waited within a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from concord.domain.errors import ConcordError, NotFoundError, StorageError
from concord.domain.inbox import InboxEntry, InboxState, RequestKind
from concord.domain.jobs import Job, JobState
from concord.domain.metrics import Metric
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Inbox, Jobs, Tasks, Telemetry
from concord.services.authenticate import Authenticator
from concord.services.defer_tasks import DeferTasks
from concord.services.ingest_webhook import IngestWebhook
from concord.services.parse_consent import parse_consent_call
from concord.services.record_consent import RecordConsent
from concord.services.remove_shopper import RemoveShopper

_PER_RUN: Final = 100
_COUNTED_PER_RUN: Final = 2_000
_DONE: Final = frozenset({InboxState.PROCESSED, InboxState.IGNORED})
_NEXT_PAGE: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a body. `new` = it made a consent event; else none was left to make."""

    state: InboxState
    new: bool = False


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
        remove_shopper: RemoveShopper,
        telemetry: Telemetry,
    ) -> None:
        self._inbox = inbox
        self._connections = connections
        self._authenticator = authenticator
        self._ingest = ingest
        self._record_consent = record_consent
        self._remove_shopper = remove_shopper
        self._telemetry = telemetry

    def one(self, merchant_id: str, inbox_id: str) -> InboxState:
        """Replay one body and return what became of it. Raises NotFoundError, StorageError."""
        entry = self._inbox.get(merchant_id, inbox_id)
        if entry is None or entry.merchant_id != merchant_id:
            raise NotFoundError("no such body; bodies are kept for 30 days")
        return self.entry(entry).state

    def entry(self, entry: InboxEntry) -> Replayed:
        """Replay `entry`; a body that fails again stays `failed`, with the reason."""
        connection = self._connections.get(entry.connection_id, fresh=True)
        if connection is None:
            raise NotFoundError("its connection is gone")
        opened = self._authenticator.with_secrets(connection)
        try:
            if entry.kind is RequestKind.CONNECT:
                call = parse_consent_call(entry.request.body)
                recorded = self._record_consent.apply(opened, call, entry.request, stored=True)
                done = Replayed(InboxState.PROCESSED, new=not recorded.duplicate)
            elif entry.kind is RequestKind.SHOPPER:
                left = self._remove_shopper.apply(opened, entry.topic, entry.request)
                done = Replayed(InboxState.PROCESSED, new=left.new)
            else:
                effect = self._ingest.replay(entry, opened)
                done = Replayed(effect.state, new=effect.new)
        except StorageError:
            raise
        except Exception as problem:  # a body that cannot be read must not stop the others
            self._telemetry.count(Metric.REPLAY_FAILED)
            reason = problem.code if isinstance(problem, ConcordError) else type(problem).__name__
            self._inbox.set_state(entry, InboxState.FAILED, reason)
            return Replayed(InboxState.FAILED)
        self._inbox.set_state(entry, done.state)
        return done


class RunReplay:
    """The worker of `replay_inbox` rows: a page at a time, with its place kept in the job.

    First the bodies of the span are counted, then applied. `created` counts bodies that made a
    consent event, `updated` those whose event was there and that are `processed` now; the others
    are `skipped`: `not_needed` (nothing was wrong with them, or of another connection), `failed`,
    or still `ignored`, `kept` or `unknown`. Progress is written after every body that is applied:
    a worker that dies in between leaves at most that one to be counted as `not_needed`.
    """

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
        """Count or replay the next page of bodies, then put the row off or end it."""
        job = self._jobs.get(str(task.payload["job_id"]))
        if job is None:  # its 30 days are over: nobody waits for it any more
            self._tasks.mark(task, TaskState.DROPPED, self._clock.now())
            return
        if not job.counted:
            job = self._count(task, job)
        if job.counted and not job.ended:
            job = self._page(task, job)
        self._jobs.put(task.merchant_id, job)
        if job.ended:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
        else:
            self._defer.wait(task, _NEXT_PAGE, "next_page")

    def _count(self, task: Task, job: Job) -> Job:
        """Count what comes next of the span; `counted` when all of it is."""
        ids = self._inbox.ids_between(task.merchant_id, *_span(task), after=job.cursor or None)
        page = list(islice(ids, _COUNTED_PER_RUN))
        job = replace(job, state=JobState.RUNNING, total=job.total + len(page))
        if len(page) == _COUNTED_PER_RUN:
            return replace(job, cursor=page[-1])
        return replace(job, counted=True, cursor="")

    def _page(self, task: Task, job: Job) -> Job:
        entries = self._inbox.between(task.merchant_id, *_span(task), after=job.cursor or None)
        for seen, entry in enumerate(entries):
            if seen == _PER_RUN:
                return job
            job = replace(self._one(task, job, entry), cursor=entry.inbox_id)
        # Bodies whose 30 days ended since they were counted are no longer there to be done.
        return replace(job, state=JobState.DONE, total=job.done)

    def _one(self, task: Task, job: Job, entry: InboxEntry) -> Job:
        only = task.payload.get("connection_id")
        if entry.state in _DONE or (only and entry.connection_id != only):
            return job.tell(skipped=[("not_needed", None)])
        done = self._replay.entry(entry)
        if done.state is not InboxState.PROCESSED:
            job = job.tell(skipped=[(done.state.value, None)])
        elif done.new:
            job = job.tell(created=1)
        else:
            job = job.tell(updated=1)
        self._jobs.put(task.merchant_id, replace(job, cursor=entry.inbox_id))
        return job


def _span(task: Task) -> tuple[datetime, datetime]:
    start, end = (datetime.fromisoformat(str(task.payload[name])) for name in ("from", "to"))
    return start, end
