"""Preview a broadcast: decide for every recipient as a send would, and hand nothing over (R-11).

The same merge, the same decision per recipient and the same pace as in the send, at a moment that
stands still for all of it (L-04).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import batched, islice
from typing import Final

from concord.domain.broadcast import Broadcast, Frozen
from concord.domain.chunks import CHUNK_SIZE, Decided, Outcome
from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.decide_recipient import Recipient, decide_slice
from concord.domain.errors import ConflictError, InvalidInputError
from concord.domain.evidence import ConsentKey
from concord.domain.groups import TextableNumber
from concord.domain.identity import Channel
from concord.domain.jobs import Job, JobState
from concord.domain.preview import Reckoning, preview_of
from concord.domain.recipient_law import MerchantLaw
from concord.domain.tasks import Task, TaskKind, TaskSpec, TaskState
from concord.domain.times import from_rfc3339, to_rfc3339
from concord.ports import (
    Broadcasts,
    Caps,
    Clock,
    Connections,
    ConsentStore,
    GroupAudience,
    Jobs,
    Merchants,
    Platforms,
    Tasks,
)
from concord.services.change_connection import audit_entry
from concord.services.defer_tasks import DeferTasks
from concord.services.make_secrets import RandomBytes, new_scoped_id
from concord.services.manage_broadcasts import ManageBroadcasts
from concord.services.plan_broadcast import audience_of
from concord.services.start_broadcast import freeze

_WORKS: Final = timedelta(seconds=40)
_AT_ONCE: Final = timedelta(0)


class PreviewBroadcast:
    """Starts the job of a preview."""

    def __init__(
        self,
        *,
        broadcasts: ManageBroadcasts,
        stored: Broadcasts,
        jobs: Jobs,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._broadcasts = broadcasts
        self._stored = stored
        self._jobs = jobs
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(self, connection_id: str, broadcast_id: str, actor: str) -> str:
        """Return the id of a job whose result is the preview.

        Raises NotFoundError; ConflictError `connection_not_connected`, or `already_started` for
        what has its own figures.
        """
        connection, broadcast = self._broadcasts.connected(connection_id, broadcast_id)
        if broadcast.frozen is not None or broadcast.over:
            raise ConflictError(
                f"this broadcast is {broadcast.state}: look at how far it is",
                code="already_started",
            )
        now = self._clock.now()
        job_id = new_scoped_id(connection.merchant_id, self._random_bytes, length=16)
        self._jobs.put(connection.merchant_id, Job(job_id, TaskKind.PREVIEW_BROADCAST, now))
        spec = TaskSpec(
            TaskKind.PREVIEW_BROADCAST,
            connection_id,
            job_id.rpartition(".")[2],
            {"job_id": job_id, "broadcast_id": broadcast_id},
        )
        details = {"broadcast_id": broadcast_id, "job_id": job_id}
        entry = audit_entry(connection, now, actor, "broadcast_previewed", details)
        self._stored.add_tasks(connection.merchant_id, [spec], now, entry)
        return job_id


class RunPreview:
    """The worker of `preview_broadcast` rows: some of the audience at a time, its place kept in the
    job. `done` counts recipients; how many there are is known at the end."""

    def __init__(
        self,
        *,
        broadcasts: Broadcasts,
        audience: GroupAudience,
        connections: Connections,
        merchants: Merchants,
        platforms: Platforms,
        store: ConsentStore,
        caps: Caps,
        jobs: Jobs,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._broadcasts = broadcasts
        self._audience = audience
        self._connections = connections
        self._merchants = merchants
        self._platforms = platforms
        self._store = store
        self._caps = caps
        self._jobs = jobs
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Reckon on, then put the task off or end it."""
        job = self._jobs.get(str(task.payload["job_id"]))
        if job is not None and not job.ended:
            job = self._next(task, job)
            self._jobs.put(task.merchant_id, job)
        if job is None or job.ended:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
        else:
            self._defer.wait(task, _AT_ONCE, "next_part")

    def _next(self, task: Task, job: Job) -> Job:
        connection = self._connections.get(task.connection_id)
        broadcast_id = str(task.payload["broadcast_id"])
        broadcast = self._broadcasts.get(task.connection_id, broadcast_id)
        merchant = self._merchants.get(task.merchant_id)
        if connection is None or broadcast is None or merchant is None:
            return replace(job, state=JobState.FAILED, reason="broadcast_gone")
        began = self._clock.now()
        taken_at = from_rfc3339(job.found["taken_at"]) if job.found else began
        try:
            frozen = freeze(broadcast, connection, self._platforms, taken_at)
        except InvalidInputError:
            return replace(job, state=JobState.FAILED, reason="text_refused")
        simulation = _Simulation(
            connection=connection,
            broadcast=broadcast,
            frozen=frozen,
            law=MerchantLaw(merchant),
            store=self._store,
            caps=self._caps,
            start=max(taken_at, broadcast.send_at or taken_at),
            reckoning=Reckoning.from_json(job.found["so_far"]) if job.found else Reckoning(),
        )
        return self._reckon(job, simulation, began)

    def _reckon(self, job: Job, simulation: _Simulation, began: datetime) -> Job:
        """Go through the audience while there is time; at its end the preview is the result."""
        frozen, so_far = simulation.frozen, simulation.reckoning
        rows = audience_of(self._audience, simulation.broadcast, frozen.taken_at, job.cursor)
        cursor = job.cursor
        while part := list(islice(rows, CHUNK_SIZE)):
            simulation.chunk(part)
            cursor = part[-1].point_id
            if self._clock.now() - began > _WORKS:
                found = {"taken_at": to_rfc3339(frozen.taken_at), "so_far": so_far.to_json()}
                return replace(
                    job,
                    state=JobState.RUNNING,
                    done=so_far.recipients,
                    cursor=cursor,
                    found=found,
                )
        price = simulation.connection.settings.segment_price
        return replace(
            job,
            state=JobState.DONE,
            done=so_far.recipients,
            total=so_far.recipients,
            cursor=cursor,
            found=preview_of(so_far, frozen, simulation.start, price),
        )


class _Simulation:
    """A send on a clock that moves by the pace alone, from `start` on."""

    def __init__(
        self,
        *,
        connection: Connection,
        broadcast: Broadcast,
        frozen: Frozen,
        law: MerchantLaw,
        store: ConsentStore,
        caps: Caps,
        start: datetime,
        reckoning: Reckoning,
    ) -> None:
        self.connection = connection
        self.broadcast = broadcast
        self.frozen = frozen
        self.start = start
        self.reckoning = reckoning
        self._law = law
        self._store = store
        self._caps = caps

    def chunk(self, rows: list[TextableNumber]) -> None:
        """Decide for a chunk of the audience, slice after slice, each when it would start."""
        keys = [self._key(row.point_id) for row in rows]
        records = self._store.load_many(keys)
        for part in batched(rows, self.frozen.slice_size, strict=False):
            at = self.start + timedelta(seconds=self.reckoning.now / self.frozen.rate)
            self.reckoning.add(self._slice(part, records, at))

    def _slice(
        self,
        rows: tuple[TextableNumber, ...],
        records: Mapping[ConsentKey, ConsentRecord],
        at: datetime,
    ) -> list[Decided]:
        recipients = [
            Recipient(row.point_id, row.region, records.get(self._key(row.point_id)))
            for row in rows
        ]
        decided = self._decide(recipients, at)
        for until in sorted({each.until for each in decided if each.until}):
            self._ahead(recipients, decided, until)
        return decided

    def _ahead(
        self, recipients: Sequence[Recipient], decided: list[Decided], until: datetime
    ) -> None:
        """Decide for those who wait for `until` as their own chunk will be, at that moment. Who may
        be texted then waits, as she was decided; a full cap stops her then as well."""
        places = [place for place, each in enumerate(decided) if each.until == until]
        then = self._decide([recipients[place] for place in places], until)
        for place, each in zip(places, then, strict=True):
            if each.outcome is not Outcome.PENDING:
                decided[place] = each

    def _decide(self, recipients: Sequence[Recipient], at: datetime) -> list[Decided]:
        names = (self.broadcast.merchant_id, self.broadcast.broadcast_id)
        return decide_slice(
            recipients,
            at=at,
            lasts=self.frozen.lasts(len(recipients)),
            law=self._law,
            full=lambda wanted: self._caps.full(names[0], wanted, names[1], at),
        )

    def _key(self, point: str) -> ConsentKey:
        names = (self.broadcast.merchant_id, self.connection.account)
        return ConsentKey(*names, Channel.SMS, point)
