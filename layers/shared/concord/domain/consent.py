"""What we may do with a number or an address: marks that only rise, and the one decision.

The state of consent is not a status that is overwritten. It is a few *marks*: each the newest
moment at which something was said, or all moments where each needs an answer of its own. A mark is
only ever raised. Merging two sets of marks takes the higher of each, so neither order nor
repetition of events can matter; and since no later opt-in can lower `out_at`, nothing but the act
that the profile names (`back_at`) lifts an explicit opt-out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from concord.domain.profiles import OPT_OUTS, Profile, SignalKind

VIA_PLATFORM = "platform"
VIA_CARRIER = "carrier"
VIA_DEACTIVATED = "account_deactivated"
VIA_HANDSET = "handset"


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


class MessageKind(StrEnum):
    """The texts that a change of consent may cause."""

    OPT_IN_CONFIRMATION = "opt_in_confirmation"
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    INVITATION = "invitation"
    HELP_REPLY = "help_reply"


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that somebody said about a point, in our words.

    `effective_at` is fixed by times.effective_at when the signal is first received. `personal`
    holds what proves it and belongs to the shopper (text, ip, user agent, actor): evidence commits
    to it by hash only. `via` is the door it came through (handset, pos, web_cart, import ...).
    `reviewed_at` is the moment of the one text that a review has judged.
    """

    kind: SignalKind
    effective_at: datetime
    received_at: datetime
    via: str
    source: Mapping[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None
    personal: Mapping[str, str] = field(default_factory=dict, repr=False)
    reviewed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a signal. `rejection` is a stable code; marks are raised regardless.

    `review`: this text blocks, did not before, and nothing but a review of its own dismisses it.
    """

    marks: Marks
    before: State
    state: State
    basis: Basis | None
    messages: tuple[MessageKind, ...] = ()
    rejection: str | None = None
    tell_peers: bool = False
    review: bool = False


_OPT_INS = frozenset(
    {
        SignalKind.JOIN,
        SignalKind.START,
        SignalKind.OPT_IN,
        SignalKind.OWN_OPT_IN,
        SignalKind.OPT_IN_REQUEST,
        SignalKind.IMPORT,
    }
)
_SOFT_BASIS = {
    SignalKind.JOIN: Basis.EXPLICIT,
    SignalKind.OPT_IN: Basis.EXPLICIT,
    SignalKind.OWN_OPT_IN: Basis.EXPLICIT,
    SignalKind.IMPORT: Basis.IMPORTED,
}


def decide(
    current: Marks, signal: Signal, profile: Profile, invited_at: datetime | None = None
) -> Decision:
    """Return what `signal` changes under `profile`. Pure; the only place that decides consent.

    `invited_at` is when the last invitation went out (TEA-15: none again within the guard).
    """
    before, _ = current.standing
    raised = _raised_by(signal, profile).merge(_life_in(signal))
    marks = current.merge(raised).settled()
    state, basis = marks.standing
    refused = signal.kind in _OPT_INS and state is State.OPTED_OUT
    return Decision(
        marks=marks,
        before=before,
        state=state,
        basis=basis,
        messages=() if refused else _messages(signal, profile, before, state, invited_at),
        rejection=profile.rejection if refused else None,
        tell_peers=_peers_must_hear(signal, before, state),
        review=_newly_blocks(current, marks, signal),
    )


def _raised_by(signal: Signal, profile: Profile) -> Marks:
    """Return the marks that this signal raises, whatever the state is: hence no order matters."""
    at = signal.effective_at
    if signal.kind in profile.lifts:
        return Marks(back_at=at)
    if signal.kind in _SOFT_BASIS:
        return Marks(soft=SoftMark(at, opted_in=True, basis=_SOFT_BASIS[signal.kind]))
    match signal.kind:
        case SignalKind.OPT_OUT:
            return Marks(out_at=at)
        case SignalKind.ASSUMED_OPT_OUT:
            return Marks(assumed=frozenset({at}))
        case SignalKind.OPT_IN_REQUEST:
            return Marks(asked_at=at)
        case SignalKind.LAPSE:
            # Only asks that are old enough: one renewed in the meantime goes on waiting.
            return Marks(lapsed_at=at - profile.lapse_after)
        case SignalKind.REVIEW_CONFIRMED:
            return Marks(out_at=signal.reviewed_at)
        case SignalKind.REVIEW_DISMISSED:
            judged = {signal.reviewed_at} if signal.reviewed_at else ()
            return Marks(dismissed=frozenset(judged))
        case _:  # the rest, and an UNSTOP that this profile does not know, say nothing of consent
            return Marks()


def _life_in(signal: Signal) -> Marks:
    """Return what a signal says of the number itself, whatever it says of consent (R-07)."""
    at = signal.effective_at
    if signal.kind is SignalKind.HARD_FAILURE:
        return Marks(dead_at=at)
    by_herself = signal.via == VIA_HANDSET or signal.kind is SignalKind.OWN_OPT_IN
    return Marks(alive_at=at) if by_herself else Marks()


def _newly_blocks(before: Marks, after: Marks, signal: Signal) -> bool:
    at = signal.effective_at
    likely = signal.kind is SignalKind.ASSUMED_OPT_OUT
    return likely and after.blocks(at) and not before.blocks(at)


def _messages(
    signal: Signal, profile: Profile, before: State, after: State, invited_at: datetime | None
) -> tuple[MessageKind, ...]:
    if not profile.sends_texts:
        return ()
    if signal.kind is SignalKind.HELP:
        return (MessageKind.HELP_REPLY,)
    if signal.kind in OPT_OUTS and before is not State.OPTED_OUT and after is State.OPTED_OUT:
        return (MessageKind.OPT_OUT_CONFIRMATION,) if _expects_text(signal, before) else ()
    by_handset = signal.kind in (SignalKind.JOIN, SignalKind.UNSTOP)
    if by_handset and before is not State.OPTED_IN and after is State.OPTED_IN:
        return (MessageKind.OPT_IN_CONFIRMATION,)
    if signal.kind is SignalKind.OPT_IN_REQUEST and after is State.PENDING:
        due = invited_at is None or signal.received_at - invited_at >= profile.invitation_guard
        return (MessageKind.INVITATION,) if due else ()
    return ()


def _expects_text(signal: Signal, before: State) -> bool:
    """Whether this opt-out is confirmed by text: not to somebody who never heard of us.

    A carrier that knows of an opt-out heard it long ago, and a shop closes accounts of people who
    never gave consent to texts.
    """
    if signal.via == VIA_CARRIER:
        return False
    return signal.via != VIA_DEACTIVATED or before in (State.OPTED_IN, State.PENDING)


def _peers_must_hear(signal: Signal, before: State, after: State) -> bool:
    """Whether both platforms are told.

    A person who repeats an opt-out saw it undone somewhere, so it is told again; a platform that
    repeats one only echoes what we told it.
    """
    if signal.kind in OPT_OUTS and signal.via != VIA_PLATFORM:
        return after is State.OPTED_OUT
    return before is not after and after in (State.OPTED_IN, State.OPTED_OUT)
