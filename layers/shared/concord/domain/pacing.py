"""The pace of a sender: time is booked before a text starts, and a breaker stops what is down.

One row per sender account holds when its next text may start. Whoever wants to hand texts over
moves that moment by the time they take at the sender's rate, so all workers and all broadcasts of
the account share one clock, and none of them counts anything (R-08, reliability 29).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from concord.domain.connection import Connection
from concord.domain.tasks import RowKey

# A worker waits this long for its turn; for a later one its chunk goes back to the queue.
HORIZON: Final = timedelta(seconds=5)
# A chunk that has had no turn yet takes one only if it is nearer than that, or than what it takes:
# a sender's time is shared by no more workers than it needs, so one merchant does not hold all.
NEWCOMER: Final = timedelta(seconds=1)
# Who comes back for a later turn comes this much before it: messages are a second or two late.
EARLY: Final = timedelta(seconds=3)
# A text may start this much after its slot, and no later: whoever was held up books anew. So even
# after a stall no second sees more than three of the rate and one booking.
LATE: Final = timedelta(seconds=2)
# Failures in a row after which nobody calls for a while; the while doubles up to the longest.
BREAKER_THRESHOLD: Final = 5
COOL_DOWN: Final = timedelta(seconds=5)
LONGEST_COOL_DOWN: Final = timedelta(seconds=30)
# How long the one call that tries again may take; then the next worker may try.
PROBE: Final = timedelta(seconds=30)
# What was refused before it was taken is tried again at a fifth of the rate.
RETRY_SHARE: Final = 0.2
# From this rate on (texts a second) a sender that takes one at a time books three slices at once,
# if a worker gets them done in LATE: four or five writes a second at 100 texts a second.
_FAST: Final = 10
# Chunks that are told when it is their turn; any more look in after a quarter of an hour, and this
# many keep the fastest sender busy for longer.
WAITING: Final = 500


@dataclass(frozen=True, slots=True)
class SenderAccount:
    """Whose pace it is: `account` names platform and account, without a secret or a number."""

    merchant_id: str
    account: str


def sender_account(connection: Connection) -> SenderAccount:
    """Return the account that carries a connection's texts, the same for all who share it."""
    platform = connection.sender_platform
    side, chosen = connection.side(platform), connection.settings.sender
    parts = [side.account_id, side.base_url] if side else []
    if chosen is not None:
        parts.append(chosen.sends_from)  # carriers count per number or service
    digest = hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
    return SenderAccount(connection.merchant_id, f"{platform}:{digest}")


class Turn(StrEnum):
    """Why there is no turn now."""

    LATER = "paced"
    DOWN = "sender_down"


@dataclass(frozen=True, slots=True)
class Booked:
    """Texts may start at `start`. `probe`: the sender was down, and these find out whether it still
    is. `troubled`: it failed before these, so a success is news. `slack`: its time was not used
    up although chunks wait for it: more workers are needed."""

    start: datetime
    probe: bool = False
    troubled: bool = False
    slack: bool = False


@dataclass(frozen=True, slots=True)
class NoTurn:
    """Nothing was booked; ask again at `at`. `clock`: the sender's time is booked up to there."""

    turn: Turn
    at: datetime
    clock: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be booked: `count` texts at `rate` a second, for the chunk whose task is `row`.
    `again` = they were refused before: then they may not take more than their share. A turn that is
    further away than `horizon` is not booked. `first`: the chunk has had no turn before, and waits
    no more; `more`: it will come for another one, so that nobody else needs to."""

    count: int
    rate: float
    row: RowKey
    again: bool = False
    horizon: timedelta = HORIZON
    first: bool = False
    more: bool = False

    @property
    def takes(self) -> timedelta:
        """Return the sender's time that they take."""
        return timedelta(seconds=self.count / self.rate)


def last_start(
    first: datetime, count: int, later: Iterable[tuple[datetime, int]], rate: float
) -> datetime:
    """Return when the last text starts if the first does at `first`, at `rate` a second: who waits
    for a moment goes behind who does not, and behind those who wait for an earlier one."""
    at = first + timedelta(seconds=count / rate)
    for until, waiting in sorted(later):
        at = max(at, until) + timedelta(seconds=waiting / rate)
    return at


def booking_size(slice_size: int, rate: float, *, bulk: bool) -> int:
    """Return how many texts to book at once: one slice, or three of a sender that is fast."""
    return slice_size if bulk or rate < _FAST else 3 * slice_size


def cool_down(times: int) -> timedelta:
    """Return how long a sender is left alone that was found down for the `times`-th time."""
    return min(LONGEST_COOL_DOWN, COOL_DOWN * (1 << min(times - 1, 10)))
