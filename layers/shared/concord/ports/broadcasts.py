"""Broadcasts, their chunks and slices, and what paces them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast
from concord.domain.caps import Cap
from concord.domain.chunks import Chunk, ChunkKey, Slice, Tally
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.merchant import Merchant
from concord.domain.pacing import Booked, NoTurn, SenderAccount, Wanted
from concord.domain.put_off import PutOff
from concord.domain.tasks import RowKey, TaskSpec


class Broadcasts(Protocol):
    """Broadcasts by id."""

    def get(self, connection_id: str, broadcast_id: str) -> Broadcast | None:
        """Read strongly; None also for an id that is none."""

    def create(self, broadcast: Broadcast, audit: AuditEntry) -> Broadcast:
        """Insert and return it, or return the one that the same keyed request made before
        (`made_by`)."""

    def update(
        self,
        broadcast: Broadcast,
        now: datetime,
        *,
        wakes: bool = False,
        audit: AuditEntry | None = None,
    ) -> bool:
        """Replace on version = broadcast.version - 1; `open_chunks` is left as it is. False: stale.

        `wakes`: the new state needs the planner; its `plan_broadcast` task of this version is
        inserted by the same transaction."""

    def add_tasks(
        self, merchant_id: str, specs: Sequence[TaskSpec], now: datetime, audit: AuditEntry
    ) -> None:
        """Insert tasks and the record of who asked, in one write; a repeat does nothing."""

    def of(self, connection_id: str) -> Iterator[Broadcast]:
        """Yield a connection's, newest first."""

    def add_chunk(self, broadcast: Broadcast, chunk: Chunk, now: datetime) -> Chunk | None:
        """Insert a chunk of the plan with its tally and its task, and count it open: one
        transaction, on the broadcast being planned still, in this version. Returns the chunk that
        stands there: this one, or what an earlier planner put. None: this one plans no longer."""

    def last_planned(self, broadcast: Broadcast) -> Tally | None:
        """Return the tally of the newest chunk of the plan, read strongly; None = there is none."""

    def planned_size(self, broadcast: Broadcast) -> int:
        """Return how many recipients its chunks of the plan hold, read strongly."""

    def open_rows(self, broadcast: Broadcast) -> Iterator[RowKey]:
        """Yield where the tasks are of all chunks that are not done."""


class Tallies(Protocol):
    """What became of a broadcast's recipients so far, by chunk."""

    def tallies(self, merchant_id: str, connection_id: str, broadcast_id: str) -> Iterator[Tally]:
        """Yield the tallies of a broadcast's chunks, by name."""


class Chunks(Protocol):
    """Chunks under the lease of their task."""

    def get(self, key: ChunkKey) -> Chunk | None:
        """Read a chunk's recipients."""

    def slices(self, key: ChunkKey) -> Sequence[Slice]:
        """Return the slices that were claimed so far, in order, read strongly."""

    def advance(
        self,
        done: Slice | None,
        claim: Slice | None,
        put_off: Sequence[PutOff],
        now: datetime,
    ) -> bool:
        """Store what became of a slice and claim the next, in one write; the chunks of those who
        were put off go first. That they are is in the stored slice already, so that a repeat makes
        the same chunks. False: somebody else claimed or settled a slice, so nothing was written and
        nothing may be handed over."""

    def settle(self, before: Slice, after: Slice) -> bool:
        """Replace a slice some of whose uncertain recipients turned out to have been texted, and
        count them anew, in one write. False: it is no longer as it was in `before`."""

    def put_tally(self, tally: Tally) -> bool:
        """Write how far a chunk is; never over one that is done. False: something was settled since
        the slices were read."""

    def finish(self, tally: Tally) -> bool:
        """Close a chunk: its tally done, one open chunk less; once, however often it is called.
        False: something was settled since the slices were read."""

    def slice(self, key: ChunkKey, number: int) -> Slice | None:
        """Read one slice."""

    def tally(self, key: ChunkKey) -> Tally | None:
        """Read the tally of one chunk."""

    def tallies(self, merchant_id: str, connection_id: str, broadcast_id: str) -> Iterator[Tally]:
        """Yield the tallies of a broadcast's chunks, by name."""


class Pace(Protocol):
    """The one clock of each sender account, and its breaker."""

    def book(self, account: SenderAccount, wanted: Wanted, now: datetime) -> Booked | NoTurn:
        """Take the sender's next time, if it is near and the sender is not down. One request."""

    def failed(self, account: SenderAccount, booked: Booked, now: datetime) -> bool:
        """Count a call that the sender did not answer; True = nobody calls it for a while now."""

    def succeeded(self, account: SenderAccount, booked: Booked) -> None:
        """Note that the sender works; a request only if that is news."""

    def hold(self, account: SenderAccount, until: datetime) -> None:
        """Start nothing before `until`: the sender asked for a pause."""

    def wait(self, account: SenderAccount, row: RowKey, clock: datetime) -> bool:
        """Return whether this chunk is the one to come when the sender's time is free at `clock`.
        Any other is told when one is done; if enough are waiting, it looks by itself."""

    def next_waiting(
        self, account: SenderAccount, now: datetime, most: int = 1
    ) -> tuple[Sequence[RowKey], datetime]:
        """Take those who are to be told, and the moment at which they should come."""


class Caps(Protocol):
    """How many texts each number got, across broadcasts (R-02)."""

    def book(
        self,
        merchant_id: str,
        wanted: Mapping[str, tuple[Cap, ...]],
        broadcast_id: str,
        now: datetime,
    ) -> frozenset[str]:
        """Book a text for each point id whose caps have room for one more; return the others.

        Who was booked for this broadcast before still is, and is counted once."""

    def full(
        self,
        merchant_id: str,
        wanted: Mapping[str, tuple[Cap, ...]],
        broadcast_id: str,
        now: datetime,
    ) -> frozenset[str]:
        """Return whom `book` would return, and book nobody."""


@dataclass(frozen=True, slots=True)
class HandOverFacts:
    """What is true at the moment of a hand-over, read strongly: the broadcast, whether its sender
    is down, and the consent of each recipient who has one."""

    broadcast: Broadcast | None
    sender_down: bool
    records: Mapping[str, ConsentRecord]


@dataclass(frozen=True, slots=True)
class ChunkStart:
    """What a pass over a chunk begins with; None = it is not there."""

    merchant: Merchant | None
    broadcast: Broadcast | None
    chunk: Chunk | None
    tally: Tally | None


class HandOverReads(Protocol):
    """What is read together for a pass, and the last look before a hand-over."""

    def start(self, key: ChunkKey) -> ChunkStart:
        """Read everything but the slices, strongly. One request."""

    def facts(
        self,
        chunk: ChunkKey,
        account: SenderAccount,
        consents: Sequence[ConsentKey],
        now: datetime,
    ) -> HandOverFacts:
        """Read everything together, a hundred items a request; records by point id."""


class SafetyDepth(Protocol):
    """Whether a request waits in the safety queue."""

    def holds(self) -> bool:
        """Return it, at most a second old. Not knowing counts as yes."""


class Sleeper(Protocol):
    """Waits."""

    def sleep(self, by: timedelta) -> None: ...


@dataclass(frozen=True, slots=True)
class KnownRecipient:
    """A recipient's number ("" = nothing is stored of her) and the evidence that was asked for."""

    point: str = field(repr=False)
    evidence: Evidence | None = None

    @property
    def event_id(self) -> str | None:
        """Return the name of that evidence."""
        return self.evidence.evidence_id if self.evidence else None


class RecipientReads(Protocol):
    """What is shown of recipients beside their slices."""

    def known(self, wanted: Sequence[tuple[ConsentKey, int]]) -> Mapping[str, KnownRecipient]:
        """Return numbers and evidence by point id; evidence by its count, 0 = none is wanted."""
