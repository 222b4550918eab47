"""What the services need for consent: state, evidence, inbox and markers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.inbox import InboxEntry, InboxState, Marker
from concord.domain.review import Review
from concord.domain.tasks import RowKey, TaskSpec


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

    def load_many(self, keys: Sequence[ConsentKey]) -> Mapping[ConsentKey, ConsentRecord]:
        """Read states strongly, a hundred a request; who has none is left out."""

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
