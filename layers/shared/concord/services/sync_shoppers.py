"""Have a shop's groups and shoppers read in full: what is done in such a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import PermanentError
from concord.domain.jobs import NO_CAPABILITY, Job
from concord.domain.sync import Place
from concord.domain.tasks import Task
from concord.ports import ImportParts
from concord.services.authenticate import Authenticator
from concord.services.reach_platforms import ReachPlatforms
from concord.services.read_source import ReadSource
from concord.services.run_job import Note, RunJob


class SyncShoppers:
    """The worker of a full read, a slice at a time; `ReadSource` does what is in a slice."""

    told_as: Final = "shoppers_synced"
    # Their API serves tills as well, and other work of ours waits in the queue.
    pause: Final = timedelta(seconds=2)

    def __init__(
        self,
        *,
        run: RunJob,
        authenticator: Authenticator,
        reach: ReachPlatforms,
        read: ReadSource,
        seen: ImportParts,
    ) -> None:
        self._run = run
        self._authenticator = authenticator
        self._reach = reach
        self._read = read
        self._seen = seen

    def __call__(self, task: Task) -> None:
        """Do the next slice. Raises CredentialsRejectedError and StorageError."""
        self._run(task, self)

    def slice(self, task: Task, connection: Connection, job: Job, note: Note) -> None:
        """Read on from the job's cursor."""
        source = self._reach.shopper_source(connection)
        if source is None:
            raise PermanentError("this platform lists no shoppers", reason=NO_CAPABILITY)
        self._read(self._authenticator.with_secrets(connection), source, job, note)

    def place(self, cursor: str) -> Place:
        """Read a job's cursor."""
        return Place.read(cursor)

    def forget(self, job_id: str) -> None:
        """Delete what was noted of whom this read has seen."""
        self._seen.forget(job_id)
