"""Broadcasts, their chunks and slices, and what paces them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast
from concord.domain.chunks import Chunk, ChunkKey, Slice, Tally
from concord.domain.tasks import RowKey, Task, TaskSpec


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
        put_off: Sequence[tuple[Chunk, datetime]],
        now: datetime,
    ) -> bool:
        """In one write: store what became of a slice, claim the next, and insert the chunks of
        those who were put off, each with the moment it is due. False: the lease is not ours any
        more, so nothing was written and nothing may be handed over."""

    def put_tally(self, tally: Tally) -> None:
        """Write how far a chunk is; never over one that is done."""

    def finish(self, task: Task, tally: Tally) -> bool:
        """Close a chunk once: its tally done, one open chunk less, its task gone."""

    def tallies(self, merchant_id: str, connection_id: str, broadcast_id: str) -> Iterator[Tally]:
        """Yield the tallies of a broadcast's chunks, by name."""
