"""What was ever said about a consent key, reduced to what can still matter.

The state of consent is not a status that is overwritten. It is a few *marks*: each the newest
moment at which something was said, or all moments where each needs an answer of its own. A mark is
only ever raised. Merging two sets of marks takes the higher of each, so neither order nor
repetition of events can matter; and since no later opt-in can lower `out_at`, nothing but the act
that the profile names (`back_at`) lifts an explicit opt-out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What a consent key is, seen from outside."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"


class Basis(StrEnum):
    """Why a state is what it is; ordered from weakest to strongest (see `_STRENGTH`)."""

    ASSUMED = "assumed"
    IMPORTED = "imported"
    GENERAL = "general"
    SOFT_OPT_IN = "soft_opt_in"
    EXPLICIT = "explicit"


_STRENGTH = {basis: rank for rank, basis in enumerate(Basis)}


@dataclass(frozen=True, slots=True)
class SoftMark:
    """The newest signal that can be outdone by a newer one."""

    at: datetime
    opted_in: bool
    basis: Basis

    def order(self) -> tuple[datetime, bool, int]:
        """Return the total order of soft marks: newer wins, at a tie out wins, then the basis."""
        return (self.at, not self.opted_in, _STRENGTH[self.basis])


@dataclass(frozen=True, slots=True)
class Marks:
    """Everything that was ever said about one consent key, reduced to what can still matter.

    out_at      newest explicit opt-out
    back_at     newest act that the profile lets lift an opt-out
    soft        newest other signal
    asked_at    an opt-in was asked for and waits for the shopper (pending)
    lapsed_at   every ask up to this moment has lapsed
    assumed     each text that reads like an opt-out: it blocks until somebody reviews it
    dismissed   those of them that an operator has dismissed, each by itself (R-05)
    dead_at     newest report of a carrier that nothing reaches this number (R-07)
    alive_at    newest sign of life: a text from the handset, or an opt-in that she gave herself

    The last two say nothing of consent: they decide whether texting makes sense, and no state and
    no basis rests on them.
    """

    out_at: datetime | None = None
    back_at: datetime | None = None
    soft: SoftMark | None = None
    asked_at: datetime | None = None
    lapsed_at: datetime | None = None
    assumed: frozenset[datetime] = frozenset()
    dismissed: frozenset[datetime] = frozenset()
    dead_at: datetime | None = None
    alive_at: datetime | None = None

    def merge(self, other: Marks) -> Marks:
        """Return the higher of each, of sets the union: commutative, associative, idempotent."""
        return Marks(
            out_at=_later(self.out_at, other.out_at),
            back_at=_later(self.back_at, other.back_at),
            soft=max((s for s in (self.soft, other.soft) if s), key=SoftMark.order, default=None),
            asked_at=_later(self.asked_at, other.asked_at),
            lapsed_at=_later(self.lapsed_at, other.lapsed_at),
            assumed=self.assumed | other.assumed,
            dismissed=self.dismissed | other.dismissed,
            dead_at=_later(self.dead_at, other.dead_at),
            alive_at=_later(self.alive_at, other.alive_at),
        )

    def settled(self) -> Marks:
        """Return the marks without likely opt-outs that can never matter again.

        One at or before an explicit opt-out is covered by it until an act lifts both, and one that
        was lifted stays lifted: `out_at` and `back_at` only rise. So nothing but what is open keeps
        its place, and a number that a machine answers from cannot make its state grow for ever.
        """

        def matters(at: datetime) -> bool:
            covered = self.out_at is not None and at <= self.out_at
            lifted = self.back_at is not None and at < self.back_at
            return not covered and not lifted

        return replace(
            self,
            assumed=frozenset(filter(matters, self.assumed)),
            dismissed=frozenset(filter(matters, self.dismissed)),
        )

    @property
    def explicitly_out(self) -> bool:
        """Whether an explicit opt-out stands; at a tie out wins."""
        return self.out_at is not None and (self.back_at is None or self.out_at >= self.back_at)

    @property
    def assumed_out(self) -> bool:
        """Whether a likely opt-out stands: it blocks like an explicit one until it is reviewed."""
        return any(self.blocks(at) for at in self.assumed)

    def blocks(self, at: datetime) -> bool:
        """Whether the likely opt-out of this moment stands; at a tie with `back_at` out wins."""
        lifted = self.back_at is not None and self.back_at > at
        return at in self.assumed and at not in self.dismissed and not lifted

    @property
    def suppressed(self) -> bool:
        """Whether the number is dead as far as we know (R-07); at a tie it is."""
        return self.dead_at is not None and (self.alive_at is None or self.dead_at >= self.alive_at)

    @property
    def standing(self) -> tuple[State, Basis | None]:
        """Return the state that these marks mean, and its basis."""
        if self.explicitly_out:
            return State.OPTED_OUT, Basis.EXPLICIT
        if self.assumed_out:
            return State.OPTED_OUT, Basis.ASSUMED
        newest = self.soft
        if self.back_at is not None:
            back = SoftMark(self.back_at, opted_in=True, basis=Basis.EXPLICIT)
            newest = max((newest, back), key=SoftMark.order) if newest else back
        if newest is not None:
            return (State.OPTED_IN if newest.opted_in else State.OPTED_OUT), newest.basis
        if self.asked_at and (self.lapsed_at is None or self.asked_at > self.lapsed_at):
            return State.PENDING, None
        return State.UNKNOWN, None


def _later(a: datetime | None, b: datetime | None) -> datetime | None:
    return max((at for at in (a, b) if at is not None), default=None)
