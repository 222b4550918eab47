"""Chunks of a broadcast's audience, their slices, and what became of each recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from concord.domain.tasks import Task, TaskKind, TaskSpec
from concord.domain.times import from_rfc3339, to_rfc3339

# Recipients of a chunk: 32 bytes each, so that a chunk is a 32 KB item and a queue message.
CHUNK_SIZE: Final = 1000
# A sender that takes one text at a time: what a crash can leave in doubt.
SMALL_SLICE: Final = 10


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """Where a chunk is. `chunk` is a number (`000001`) or, of recipients who were put off, the name
    of their slice and what they wait for (`000001-0003-q20261123t1300`): always the same name."""

    merchant_id: str
    connection_id: str
    broadcast_id: str
    chunk: str


def chunk_task(key: ChunkKey, due_at: datetime | None = None) -> TaskSpec:
    """Return the task that hands a chunk over; there is one for each chunk, and never another.

    `due_at`: not before that moment, whenever its row is met.
    """
    payload = {"broadcast_id": key.broadcast_id, "chunk": key.chunk}
    if due_at is not None:
        payload["due_at"] = to_rfc3339(due_at)
    return TaskSpec(
        TaskKind.SEND_CHUNK,
        key.connection_id,
        task_id=f"{key.broadcast_id}.{key.chunk}",
        payload=payload,
    )


def due_of(task: Task) -> datetime | None:
    """Return the moment before which a chunk is not handed over; None = now is fine."""
    due_at = task.payload.get("due_at")
    return from_rfc3339(str(due_at)) if due_at else None


def chunk_of(task: Task) -> ChunkKey:
    """Return the chunk that a `send_chunk` task is about."""
    broadcast_id, chunk = task.payload["broadcast_id"], task.payload["chunk"]
    return ChunkKey(task.merchant_id, task.connection_id, str(broadcast_id), str(chunk))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Recipients by point id, in order and for good. `regions` has one for each whose address is
    known (`US-FL`), by place in `points`."""

    key: ChunkKey
    points: tuple[str, ...]
    regions: Mapping[int, str] = field(default_factory=dict)


class Outcome(StrEnum):
    """What became of one recipient. `deferred` and `again` are in another chunk now."""

    PENDING = "pending"
    SENT = "sent"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"
    DEFERRED = "deferred"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Decided:
    """Why one recipient is texted or not (L-02).

    `consent_seq` is the evidence that the decision rests on (0 = there is none), `rules` the ids of
    the rules that were asked or that forbade, `local` the recipient's local times when it was
    asked, as `zone HH:MM`. `reason` is empty for a recipient who may be texted.
    """

    outcome: Outcome
    reason: str = ""
    consent_seq: int = 0
    rules: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    until: datetime | None = None
    message_id: str = ""


class SliceState(StrEnum):
    """`claimed`: its texts may be on their way; `done`: every recipient has an outcome."""

    CLAIMED = "claimed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Slice:
    """Some neighbours of a chunk that are handed over together: `first` is the place of the first.

    A slice is claimed, with what was decided for each, before anything is handed over. `owner` is
    the lease of the chunk's row it was claimed under, `via` the sender account that carries it.
    `asked_at` is when a call ended without an answer; None = no worker lived to say so.
    """

    key: ChunkKey
    number: int
    first: int
    state: SliceState
    claimed_at: datetime
    decided: tuple[Decided, ...]
    owner: str = ""
    message_id: str = ""
    via: str = ""
    asked_at: datetime | None = None

    def places(self, outcome: Outcome) -> tuple[int, ...]:
        """Return the places within the slice of those with this outcome."""
        return tuple(at for at, each in enumerate(self.decided) if each.outcome is outcome)


def slice_reference(key: ChunkKey, number: int, place: int | None = None) -> str:
    """Return `<broadcast>.<chunk>.<slice>[.<place>]`, our name of a hand-over: it comes back with
    receipts and look-ups. `place` is the recipient's within the slice; a bulk call has none."""
    parts = [key.broadcast_id, key.chunk, str(number)]
    return ".".join(parts if place is None else [*parts, str(place)])


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a chunk's recipients so far: outcomes and reasons, counted.

    Written whole from what its slices say, so that writing it again changes nothing. `first` and
    `last` are the point ids between which the chunk's lie: they find the chunk of a number.
    `parent` is the chunk that recipients were put off from, "" for one of the plan. `settled`
    counts what receipts told of its uncertain recipients: a count made without that is not written.
    """

    key: ChunkKey
    size: int
    first: str
    last: str
    counts: Mapping[str, int] = field(default_factory=dict)
    done: bool = False
    parent: str = ""
    settled: int = 0
