"""Export all customers once (ECO-18): what is done in such a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.contact_export import (
    CREATED,
    NO_LIST,
    REFUSED,
    REFUSED_IN_A_ROW,
    UPDATED,
    WRITTEN,
    Place,
)
from concord.domain.errors import PermanentError
from concord.domain.jobs import NO_CAPABILITY, Job, JobState
from concord.domain.tasks import Task
from concord.ports import Clock, ContactPeer, Shoppers, Tasks
from concord.services.reach_platforms import ReachPlatforms
from concord.services.run_job import Note, RunJob
from concord.services.write_contacts import WriteContacts

# A part is written with one call. Twice as many less one at most: a request brings a hundred.
_PART: Final = 100
# Of the 30 s that an invocation has: a part that begins in time ends in time, also where each of
# its customers has to be looked at.
_BEGINS_WITHIN: Final = timedelta(seconds=3)
# Tries of a part whose last customer does not appear in the list, before the others are looked at.
_WAITS: Final = 3


class ExportContacts:
    """The worker of `export_contacts` rows. `WriteContacts` decides and writes.

    The customers are counted; those who come or go meanwhile are not in that `total`, and at the
    end it is what was done. Then part after part: what becomes of its customers is planned and kept
    in the job, they are written, and the job counts them and moves on. Killed anywhere, a part is
    begun again by its plan, so nobody counts twice. `created` are those whom we never wrote before,
    `updated` the others that changed.

    A call that the platform refuses is made again with half of its customers, until it is known
    which of them it refuses: she is left out (`refused`), and the others are written. So is she
    whom it passes over without a word. Only where it takes nobody any more does the job fail.
    """

    told_as: Final = "contacts_exported"
    # The second that a message is put off at least: pushes of customers ask the same platform.
    pause: Final = timedelta(0)

    def __init__(
        self,
        *,
        run: RunJob,
        reach: ReachPlatforms,
        shoppers: Shoppers,
        write: WriteContacts,
        tasks: Tasks,
        clock: Clock,
    ) -> None:
        self._run = run
        self._reach = reach
        self._shoppers = shoppers
        self._write = write
        self._tasks = tasks
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Do the next parts. Raises CredentialsRejectedError and StorageError."""
        self._run(task, self)

    def place(self, cursor: str) -> Place:
        """Read a job's cursor."""
        return Place.read(cursor)

    def forget(self, job_id: str) -> None:
        """Nothing is kept beside the job."""

    def slice(self, task: Task, connection: Connection, job: Job, note: Note) -> None:
        """Count, and write part after part, while there is time to begin one."""
        began = self._clock.now()
        peer, list_id = self._list(connection)
        while not job.ended and self._clock.now() - began < _BEGINS_WITHIN:
            if Place.read(job.cursor).counting is not None:
                job = self._counted(connection, job)
            else:
                job = self._planned(connection, job, note)
                if not self._tasks.extend(task, self._clock.now()):
                    return  # another worker has it
                job = self._written(connection, peer, list_id, job)
            note(job)

    def _list(self, connection: Connection) -> tuple[ContactPeer, str]:
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        if peer is None:
            raise PermanentError("this platform keeps no contacts", reason=NO_CAPABILITY)
        if connection.contact_list is None:
            raise PermanentError("no contact list is chosen", reason=NO_LIST)
        return peer, connection.contact_list

    def _counted(self, connection: Connection, job: Job) -> Job:
        """Count on. A table too large for that leaves `total` 0 until the end."""
        place = Place.read(job.cursor)
        more, cursor = self._shoppers.count(
            connection.merchant_id, connection.connection_id, place.counting or ""
        )
        place = place.count(more, cursor)
        known = place.counting is None and place.counted > 0
        total = max(place.counted, job.done) if known else 0
        return replace(job, cursor=place.write(), total=total, counted=known)

    def _planned(self, connection: Connection, job: Job, note: Note) -> Job:
        """Return the job with a plan of its next part; it is kept before anybody is written."""
        place = Place.read(job.cursor)
        if place.plan:
            return job
        names, behind = self._names(connection, place.after)
        plan = self._write.plan(connection, names)
        job = replace(job, cursor=replace(place, plan=plan, behind=behind).write())
        if WRITTEN & set(plan.values()):
            note(job)
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
        """Write what comes next of the plan; return the job with those customers counted, or with
        a smaller part to try if they were refused together."""
        place = Place.read(job.cursor)
        part = place.part
        try:
            waits = place.failures < _WAITS
            came = self._write.write(connection, peer, list_id, part, waits=waits)
        except PermanentError as refusal:
            if refusal.reason != REFUSED:
                raise
            wanted = [name for name, outcome in part.items() if outcome in WRITTEN]
            if len(wanted) > 1:
                return replace(job, cursor=place.halved().write())
            if place.refused + 1 >= REFUSED_IN_A_ROW:
                raise
            came = {**part, **dict.fromkeys(wanted, REFUSED)}
        return _told(job, place, came)


def _told(job: Job, place: Place, came: Mapping[str, str]) -> Job:
    """Return the job once these of its plan are done."""
    counts = Counter(came.values())
    left = [(reason, None) for reason in counts.elements() if reason not in WRITTEN]
    told = job.tell(created=counts[CREATED], updated=counts[UPDATED], skipped=left)
    following = place.told(
        came, refused=REFUSED in counts, taken=bool(WRITTEN & set(came.values()))
    )
    if following is None:
        return replace(told, state=JobState.DONE, total=told.done, counted=True, cursor="")
    # Uncounted, how many there are is known at the end: a bar that is full all the time says
    # nothing.
    total = told.total if told.counted else 0
    return replace(told, total=total, cursor=following.write())
