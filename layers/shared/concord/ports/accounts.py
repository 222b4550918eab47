"""Merchants, connections, shoppers, and what operators ask about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection
from concord.domain.credentials import ConnectionSecrets
from concord.domain.imports import ImportPart, RawRow
from concord.domain.jobs import Job
from concord.domain.merchant import Merchant
from concord.domain.page import Page
from concord.domain.review import Review, ReviewKind
from concord.domain.shopper import Carriers, Shopper
from concord.domain.tasks import TaskSpec


class Secrets(Protocol):
    """The parameter store. One request brings the stack key and a connection's secrets.

    Each change is a version of its own, and those count that the connection's row names: the row's
    own condition decides who was first, and a cache of a version is never a cache of another.
    """

    def load(self, connection_id: str, version: int | None) -> ConnectionSecrets:
        """Return a version (cached 60 s); None = the newest, asked for now, for those who must not
        turn anybody away before they looked. Raises StorageUnavailableError."""

    def stack_key(self) -> bytes:
        """Return the stack key. Raises StackKeyError when `concord setup` has not been run."""

    def save(self, connection_id: str, secrets: ConnectionSecrets) -> int:
        """Store them, and return the version to name. Raises InvalidInputError, as `check`."""

    def check(self, secrets: ConnectionSecrets) -> None:
        """Raise InvalidInputError if they are more than the store takes."""

    def dossier_key(self) -> bytes:
        """Return the Ed25519 private key (32 raw bytes) that signs dossiers."""

    def dossier_public_key(self) -> str | None:
        """Return the public key (base64 of 32 raw bytes), if setup made one."""


class Connections(Protocol):
    """Connections and the 1-1 links between accounts."""

    def get(self, connection_id: str, *, fresh: bool = False) -> Connection | None:
        """Return it, at most 5 s old (`fresh` = read now). One request when not cached."""

    def get_stale(self, connection_id: str) -> Connection | None:
        """Return what memory has, however old; no request. For the time when the table is away."""

    def is_recent(self, connection_id: str) -> bool:
        """Whether memory is young enough to be what `get` returns (5 s)."""

    def create(self, connection: Connection, *, multi_link: bool, audit: AuditEntry) -> None:
        """Insert with both links; ConflictError `account_already_linked` names the other."""

    def update(self, connection: Connection, audit: AuditEntry) -> bool:
        """Replace on version = connection.version - 1; False when somebody else was first."""

    def disconnect(self, connection: Connection, audit: AuditEntry) -> bool:
        """As update, and free both accounts in the same transaction."""

    def of_merchant(self, merchant_id: str) -> Iterator[Connection]: ...

    def linked(self, platform: str, account_id: str) -> Sequence[str]:
        """Return the connections that have an account now, read strongly."""

    def by_number(self, number: str) -> str | None:
        """Return the connection that owns a text number (inbound texts without a path)."""

    def claim_number(self, number: str, connection_id: str) -> None:
        """Point a text number to its connection."""


class Merchants(Protocol):
    """Merchants."""

    def get(self, merchant_id: str) -> Merchant | None: ...

    def put(self, merchant: Merchant, audit: AuditEntry, before: Merchant | None = None) -> bool:
        """Insert or replace, with the audit entry in the same transaction. From `before` to another
        time zone his nights move along. False: he is in another zone than `before` says."""


class Audit(Protocol):
    """The audit trail."""

    def of(self, merchant_id: str, connection_id: str) -> Iterator[AuditEntry]:
        """Yield newest first."""


class Reviews(Protocol):
    """Things to look at."""

    def of(self, merchant_id: str, connection_id: str, kind: ReviewKind) -> Iterator[Review]: ...

    def get(
        self, merchant_id: str, connection_id: str, kind: ReviewKind, review_id: str
    ) -> Review | None: ...

    def put(self, review: Review) -> None: ...

    def delete(self, review: Review) -> None: ...


class Shoppers(Protocol):
    """Mirrored shoppers; `phones` and `emails` map a point id to the point."""

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Shopper | None: ...

    def save(
        self,
        shopper: Shopper,
        before: Shopper | None,
        tasks: Iterable[TaskSpec],
        once: TaskSpec | None = None,
    ) -> bool:
        """Write point links first, the shopper with its digest last; False = stale. `tasks` is read
        once she is there; () = none. `once` is written with her: a save that has to be repeated
        repeats her tasks, and never that one."""

    def finish(self, shopper: Shopper, tasks: Iterable[TaskSpec]) -> bool:
        """End a save that died: queue what it causes, then write her digest; False = stale."""

    def names(self, merchant_id: str, connection_id: str, after: str = "") -> Page[str]:
        """Return our keyed names of some active shoppers of a connection, and the cursor behind
        them; the page may be empty and not the last. It scans the table: for exports alone."""

    def count(
        self, merchant_id: str, connection_id: str, after: str = ""
    ) -> tuple[int, str | None]:
        """Return how many active shoppers of a connection are in the next part of the table, and
        the cursor behind it (None = that was the last). One request, for exports alone."""

    def get_many(
        self, merchant_id: str, connection_id: str, shopper_keys: Sequence[str]
    ) -> Mapping[str, Shopper]:
        """Read shoppers strongly, a hundred a request; who is not there is left out."""

    def carrying(self, merchant_id: str, connection_id: str, point_id: str) -> Carriers:
        """Return who carries a point."""

    def carrier_keys(
        self, merchant_id: str, connection_id: str, point_id: str, after: str = ""
    ) -> Iterator[str]:
        """Yield our keyed names of all who may carry a point, in order, after `after`."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What an Idempotency-Key was answered with."""

    body_hash: str
    status: int
    body: Mapping[str, Any]


class Idempotency(Protocol):
    """Answers to admin clients, kept 24 h. Not the guard for effects."""

    def find(self, merchant_id: str, key: str) -> StoredAnswer | None: ...

    def store(self, merchant_id: str, key: str, answer: StoredAnswer, now: datetime) -> None: ...


class Jobs(Protocol):
    """Progress of what outlasts a request."""

    def get(self, job_id: str) -> Job | None:
        """Read a job; None for an id that was never ours."""

    def put(self, merchant_id: str, job: Job) -> None:
        """Write the job as it is now."""


class ImportParts(Protocol):
    """The rows of an import that is a job, in parts; kept 30 days at most."""

    def put(self, job_id: str, attestation: str, rows: Iterable[RawRow]) -> None:
        """Write all rows, part after part from 0."""

    def get(self, job_id: str, number: int) -> ImportPart | None:
        """Read a part; None = there is none, or its time is over."""

    def note(self, job_id: str, row: int, points: Collection[bytes]) -> None:
        """Note fingerprints of points that a dry run accepted up to `row`."""

    def noted(self, job_id: str, row: int) -> set[bytes]:
        """Return the fingerprints that were noted up to `row`."""

    def forget(self, job_id: str) -> None:
        """Delete the rows and what was noted. Safe to repeat."""
