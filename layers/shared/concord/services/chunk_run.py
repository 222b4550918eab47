"""One pass over a chunk: what its parts need to know of it, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.broadcast import Broadcast, Frozen
from concord.domain.chunks import Chunk, Decided, Outcome, Slice, SliceState, Tally
from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel
from concord.domain.recipient_law import MerchantLaw
from concord.domain.tasks import LEASE, Task
from concord.services.keep_pace import KeepPace
from concord.services.open_carrier import Carrier

# A pass begins no slice after the first, or the second if it has booked the sender's time for it,
# and no call after the third: a call takes 10 s at most, the function has 60 s, and the lease as
# long. So whoever finds a lease over finds no call on its way.
WORKS: Final = timedelta(seconds=30)
WORKS_BOOKED: Final = timedelta(seconds=36)
# Somebody may be watching: a pass says after 3 s how far its chunk is, and then at 6, 12 and 24.
SHOWN_AFTER: Final = timedelta(seconds=3)
CALLS: Final = LEASE - timedelta(seconds=13)
_CALL: Final = timedelta(seconds=10)
# What a platform does not know half a minute after a call was given up never arrived.
_SETTLED: Final = timedelta(seconds=30)
# Why a pass ended: the broadcast is paused; another worker has the chunk by now.
PAUSED: Final = "broadcast_paused"
TAKEN: Final = "claimed_by_another"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a pass ends. `at`: when to go on (None = the chunk is done); `clock`: it has had no turn,
    the sender's time is booked up to there; `credentials` = the sender rejected them."""

    reason: str
    at: datetime | None = None
    clock: datetime | None = None
    credentials: bool = False
    held: str = ""


@dataclass(slots=True)
class Run:
    """A pass: the chunk, who carries it, and what is known of its slices."""

    task: Task
    connection: Connection
    broadcast: Broadcast
    frozen: Frozen
    chunk: Chunk
    tally: Tally
    slices: dict[int, Slice]
    carrier: Carrier
    law: MerchantLaw
    pace: KeepPace
    started: datetime
    # A slice that is done and not yet written so: it goes with the next claim.
    unwritten: Slice | None = None
    claimed: int = 0
    shown_after: timedelta = SHOWN_AFTER
    refusals: tuple[str, int] = ("", 0)

    def next_number(self) -> int | None:
        """Return the first slice that nobody claimed; None = there is none left."""
        size = self.frozen.slice_size
        count = -(-len(self.chunk.points) // size)
        return next((n for n in range(count) if n not in self.slices), None)

    def left(self) -> int:
        """Return how many recipients stand in no slice yet."""
        return len(self.chunk.points) - sum(len(part.decided) for part in self.slices.values())

    def points(self, number: int) -> tuple[str, ...]:
        """Return the recipients of a slice."""
        first = number * self.frozen.slice_size
        return self.chunk.points[first : first + self.frozen.slice_size]

    def consent_key(self, point: str) -> ConsentKey:
        """Return whose consent counts for a recipient."""
        return ConsentKey(self.task.merchant_id, self.connection.account, Channel.SMS, point)

    def point(self, part: Slice, place: int) -> str:
        """Return the recipient at a place within a slice."""
        return self.chunk.points[part.first + place]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed slice, and the consents that it was decided upon, read at `read_at`."""

    part: Slice
    records: dict[str, ConsentRecord]
    read_at: datetime


def decide(part: Slice, decisions: dict[int, Decided]) -> Slice:
    """Return a slice with what is known now of some places."""
    decided = tuple(decisions.get(at, each) for at, each in enumerate(part.decided))
    return replace(part, decided=decided)


def is_settled(part: Slice) -> bool:
    """Whether everybody in it has an outcome, be it that she is put off."""
    return not part.places(Outcome.PENDING)


def known_at(part: Slice) -> datetime:
    """Return from when a look-up tells what became of a slice in doubt: half a minute after the
    last call that can have been made for it. A slow sender's is long after the claim."""
    return (part.asked_at or part.claimed_at + CALLS + _CALL) + _SETTLED


def finished(part: Slice) -> Slice:
    """Return a settled slice as done."""
    return replace(part, state=SliceState.DONE)
