"""Import opt-ins that were given elsewhere (TEA-14, R-26): few at once, a large file as a job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import (
    ConflictError,
    FieldError,
    InvalidInputError,
    StorageUnavailableError,
)
from concord.domain.imports import RawRow
from concord.domain.jobs import Job
from concord.domain.tasks import TaskKind, TaskSpec
from concord.domain.times import to_rfc3339
from concord.ports import Clock, Connections, ConsentStore, ImportParts, Jobs, Tasks
from concord.services.apply_rows import ApplyRows, Import
from concord.services.authenticate import Authenticator
from concord.services.change_connection import find_connection
from concord.services.make_secrets import RandomBytes, new_scoped_id

# Counted from the call's beginning, so that the answer leaves before the gateway gives up at 29 s.
# Two requests a row, eight rows side by side: `MAX_ROWS` are 125 requests one after the other, and
# fit as long as one takes no more than 160 ms on average (usual are 5 to 20).
BUDGET: Final = timedelta(seconds=20)
_LONGEST_ATTESTATION: Final = 2_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows, in their order."""

    import_id: str
    dry_run: bool
    results: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows had each result."""
        return {result: self.results.count(result) for result in sorted(set(self.results))}


class ImportConsents:
    """Takes imports. `attestation` says where the consents come from: proof beside every row."""

    def __init__(
        self,
        *,
        connections: Connections,
        authenticator: Authenticator,
        store: ConsentStore,
        apply_rows: ApplyRows,
        jobs: Jobs,
        parts: ImportParts,
        tasks: Tasks,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._store = store
        self._apply_rows = apply_rows
        self._jobs = jobs
        self._parts = parts
        self._tasks = tasks
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(
        self,
        connection_id: str,
        *,
        import_id: str,
        attestation: str,
        rows: Sequence[RawRow],
        dry_run: bool,
    ) -> ImportReport:
        """Import at most `MAX_ROWS` rows now.

        An event is named after its content, so the same row makes no second event, whatever the
        import's name. Raises ConflictError `connection_not_connected` (an import is an opt-in) and
        StorageUnavailableError `import_not_finished` when not every row could be applied in time:
        nothing is told of any row, and the same call again goes on behind those that were.
        """
        began = self._clock.now()
        connection = self._opened(connection_id, attestation)
        shared = Import(
            self._authenticator.with_secrets(connection), import_id, attestation, dry_run, began
        )
        try:
            outcomes = self._apply_rows(shared, rows, ends_at=began + BUDGET)
        except StorageUnavailableError:
            raise StorageUnavailableError(
                "not every row was applied; send the same call again: no row counts twice",
                code="import_not_finished",
                extra={"import_id": import_id},
            ) from None
        return ImportReport(import_id, dry_run, tuple(each.result for each in outcomes))

    def start(
        self,
        connection_id: str,
        *,
        import_id: str,
        attestation: str,
        rows: Iterable[RawRow],
        total: int,
        dry_run: bool,
    ) -> str:
        """Keep `rows` (all of them can be read) and have them worked off; returns the job's id.

        The rows are written first, then the job, then the task that makes both of use: whoever dies
        in between leaves nothing but rubbish with an end (30 days). Raises as `__call__` does.
        """
        now = self._clock.now()
        connection = self._opened(connection_id, attestation)
        self._authenticator.with_secrets(connection)  # a wrong stack key is told now
        merchant_id = connection.merchant_id
        job_id = new_scoped_id(merchant_id, self._random_bytes, length=16)
        with self._store.within(BUDGET.total_seconds()):
            self._parts.put(job_id, attestation, rows)
            job = Job(job_id, TaskKind.IMPORT_CONSENTS, now, total=total, counted=True)
            self._jobs.put(merchant_id, job)
            spec = _task(connection, job_id, import_id, now, dry_run=dry_run)
            self._tasks.ensure(merchant_id, spec, now)
        return job_id

    def _opened(self, connection_id: str, attestation: str) -> Connection:
        message = ""
        if not attestation.strip():
            message = "say where these consents come from and who vouches for it"
        elif len(attestation) > _LONGEST_ATTESTATION:
            message = f"at most {_LONGEST_ATTESTATION:,} characters"
        if message:
            raise InvalidInputError(
                "an import needs an attestation", errors=(FieldError("attestation", message),)
            )
        connection = find_connection(self._connections, connection_id)
        if not connection.listens:
            raise ConflictError(
                f"the connection is {connection.state}", code="connection_not_connected"
            )
        return connection


def _task(
    connection: Connection, job_id: str, import_id: str, now: datetime, *, dry_run: bool
) -> TaskSpec:
    return TaskSpec(
        TaskKind.IMPORT_CONSENTS,
        connection.connection_id,
        task_id=job_id.rpartition(".")[2],
        payload={
            "job_id": job_id,
            "import_id": import_id,
            "dry_run": dry_run,
            "received_at": to_rfc3339(now),
        },
    )
