"""What the services need of the world, as Protocols. Adapters and platforms implement these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.credentials import ConnectionSecrets
from concord.domain.events import ParsedWebhook, RawRequest, SecretValue, WebhookAnswer
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.imports import ImportPart, RawRow
from concord.domain.inbox import InboxEntry, InboxState, Marker, SafetyMessage
from concord.domain.jobs import Job
from concord.domain.merchant import Merchant
from concord.domain.metrics import Metric
from concord.domain.outbound import AccountFacts, ConsentPush, Endpoint, HandedOver, OutboundText
from concord.domain.review import Review, ReviewKind
from concord.domain.shopper import Carriers, Shopper
from concord.domain.task_rows import DueRow, Finish, Lease, ParkedTask, TaskRef
from concord.domain.tasks import RowKey, Task, TaskSpec, TaskState


class Clock(Protocol):
    """Wall clock, UTC."""

    def now(self) -> datetime: ...


class Telemetry(Protocol):
    """Metrics and log lines, in stable words and without personal data."""

    def count(self, name: Metric, value: float = 1) -> None:
        """Add to a counter."""

    def gauge(self, name: Metric, value: float) -> None:
        """Report a level, in the unit that the name says."""

    def info(self, code: str, **fields: object) -> None:
        """Write one log line with a stable code."""

    def bug(self, error: Exception) -> None:
        """Write down what nobody foresaw, and raise the metric that wakes somebody."""


# --- consent ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsentCommit:
    """One transaction: marker, raw body, new state, its evidence, and the work it causes.

    `expected_version` is the version that was decided upon (0 = there was none).
    """

    record: ConsentRecord
    expected_version: int
    evidence: Evidence
    marker: Marker | None = None
    inbox: InboxEntry | None = None
    tasks: tuple[TaskSpec, ...] = ()
    review: Review | None = None
    close_review: Review | None = None
    lapse_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """Everything of the commit is stored."""


@dataclass(frozen=True, slots=True)
class AlreadySeen:
    """Nothing was stored: the marker was there. `marker` is the stored one."""

    marker: Marker


@dataclass(frozen=True, slots=True)
class Stale:
    """Nothing was stored: the state moved on. Read it again and decide again."""


type CommitResult = Committed | AlreadySeen | Stale


class ConsentStore(Protocol):
    """Consent state, evidence, inbox and markers: what one transaction may touch."""

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Give everything inside one time budget; over it StorageUnavailableError is raised."""

    def load(self, key: ConsentKey) -> ConsentRecord | None:
        """Read strongly. One request."""

    def load_row(self, row: RowKey) -> ConsentRecord | None:
        """Read a consent state by the key that the due index holds (lapse)."""

    def commit(self, commit: ConsentCommit) -> CommitResult:
        """Write all or nothing. Raises StorageUnavailableError."""

    def evidence(self, key: ConsentKey) -> Iterator[Evidence]:
        """Yield the chain from the first record, page by page, read strongly."""

    def keep(self, entry: InboxEntry, marker: Marker | None = None) -> CommitResult:
        """Keep a body that changed no consent (ignored, unknown, kept, failed)."""


class Inbox(Protocol):
    """The kept bodies, for operators."""

    def get(self, merchant_id: str, inbox_id: str) -> InboxEntry | None: ...

    def between(
        self, merchant_id: str, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[InboxEntry]:
        """Yield entries oldest first, `start` inclusive, `end` exclusive, after the id `after`."""

    def ids_between(
        self, merchant_id: str, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[str]:
        """Yield the ids of what `between` yields, without the bodies."""

    def set_state(self, entry: InboxEntry, state: InboxState, error: str = "") -> None: ...


# --- tasks -----------------------------------------------------------------------------------


class Untold(Protocol):
    """Changes of consent that no peer was told of, since their account had no connection."""

    def put(self, key: ConsentKey) -> None: ...

    def of(self, merchant_id: str, account: str) -> Iterator[ConsentKey]:
        """Yield what was not told of a messaging account, read strongly."""

    def delete(self, key: ConsentKey) -> None: ...


class Tasks(Protocol):
    """Task rows under leases, and the due index."""

    def lease(self, key: RowKey, owner: str, now: datetime) -> Task | Lease:
        """Take the row if nobody holds it; counts an attempt."""

    def identify(self, key: RowKey) -> TaskRef | None:
        """Return what a row's key says, also when the row is gone. No request."""

    def extend(self, task: Task, now: datetime) -> bool:
        """Renew the lease; False if it is no longer ours."""

    def finish_push(self, task: Task, pushed_version: int) -> Finish:
        """Delete the row if the lease is ours and nothing newer than `pushed_version` is wanted."""

    def ensure(self, merchant_id: str, spec: TaskSpec, now: datetime) -> None:
        """Insert the task, or raise `want` on the row that is there."""

    def mark(
        self,
        task: Task,
        state: TaskState,
        now: datetime,
        details: Mapping[str, Any] | None = None,
        *,
        expected: TaskState | None = None,
    ) -> bool:
        """Move a send row on, keeping the lease; final states leave the index. False: not ours."""

    def note(self, task: Task, state: TaskState, details: Mapping[str, Any], now: datetime) -> None:
        """Add a receipt's details (`receipt_rank` among them) without a lease; ranks only rise."""

    def retry_at(self, task: Task, next_at: datetime, error: str) -> bool:
        """Give the row back, due again at `next_at`."""

    def fail(self, task: Task, reason: str, words: str, now: datetime) -> None:
        """Park the row among the failed, with their words; a later change starts a new row."""

    def get(self, key: RowKey) -> Task | None:
        """Read a row without taking it."""

    def find_text(self, merchant_id: str, connection_id: str, text_id: str) -> Task | None:
        """Read a text's row by the reference that its receipt carries."""

    def find_push(self, merchant_id: str, connection_id: str, push_id: str) -> Task | None:
        """Read the open push of a point's state to one platform; None = nothing is to be told."""

    def due(self, before: datetime) -> Iterator[DueRow]:
        """Yield what is due before `before`, over all shards of the index."""

    def parked(self, merchant_id: str, connection_id: str) -> Iterator[ParkedTask]:
        """Yield what was parked in the last 30 days, newest first."""

    def unpark(self, parked: ParkedTask) -> None:
        """Delete the record of a failure; one that is gone already is fine."""


class TaskQueue(Protocol):
    """The two task queues. Messages are row keys."""

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        """Queue row keys in batches; returns those that could not be queued (never raises)."""


class SafetyQueue(Protocol):
    """The inbox of last resort."""

    def put(self, message: SafetyMessage) -> None:
        """Raises StorageUnavailableError when even this cannot be reached in 0.6 s."""

    def put_off(self, receipt: str, seconds: int) -> None:
        """Hide a message that was received and could not be stored. Never raises."""


# --- merchants, connections, shoppers --------------------------------------------------------


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

    def put(self, merchant: Merchant, audit: AuditEntry) -> None: ...


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

    def save(self, shopper: Shopper, before: Shopper | None, tasks: Sequence[TaskSpec]) -> bool:
        """Write point links first, the shopper with its digest last; False = stale."""

    def carrying(self, merchant_id: str, connection_id: str, point_id: str) -> Carriers:
        """Return who carries a point."""


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


# --- platforms -------------------------------------------------------------------------------


class TextSender(Protocol):
    """Can carry one text."""

    def send(self, text: OutboundText) -> HandedOver:
        """Hand one text over. Raises the PlatformErrors of domain/errors.py; a lost answer is
        OutcomeUnknownError, never RetryableError."""

    def find(self, text: OutboundText) -> HandedOver | None:
        """Look a text up by its reference (or what the platform offers); None = not there.
        Raises PermanentError with reason `lookup_unsupported` where it cannot be known."""


class ConsentPeer(Protocol):
    """Keeps a consent flag per point."""

    def set_consent(self, push: ConsentPush) -> bool:
        """Set the flag; False when nobody there carries this point (unmatched). Idempotent."""


class AccountChecker(Protocol):
    """Can prove that its credentials work."""

    def check(self) -> AccountFacts:
        """Make one cheap live call. Raises CredentialsRejectedError or RetryableError."""


class WebhookAdapter(Protocol):
    """Turns their HTTP into our events. All methods are total: no input makes them raise anything
    but UnparseableError from `parse`."""

    @property
    def success(self) -> WebhookAnswer: ...

    @property
    def signs_url(self) -> bool:
        """Whether `verify` needs the URL that was called."""

    def unsigned(self, request: RawRequest) -> bool:
        """Whether it bears no signature and may come so, if the connection's settings allow it."""

    def verify(
        self,
        request: RawRequest,
        secrets: Sequence[SecretValue],
        credentials: Mapping[str, str],
    ) -> bool:
        """Whether the platform signed these bytes. `request.received_at` is the clock."""

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook: ...


class TopicAdapter(WebhookAdapter, Protocol):
    """Reads what a queue of our own brings: the queue proves the sender, no path says whose."""

    def our_number(self, message: Mapping[str, object]) -> str:
        """Return the number (E.164) of ours that the message is about, "" if it names none."""


class Platforms(Protocol):
    """The capabilities of every platform, by name; None = it has no such capability."""

    def webhook(self, platform: str) -> WebhookAdapter | None: ...

    def topic(self, platform: str) -> TopicAdapter | None: ...

    def sender(self, platform: str, endpoint: Endpoint) -> TextSender | None: ...

    def consent_peer(self, platform: str, endpoint: Endpoint) -> ConsentPeer | None: ...

    def checker(self, platform: str, endpoint: Endpoint) -> AccountChecker | None: ...
