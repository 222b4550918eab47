"""The one decision: what a signal changes of what we may do with a number or an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from concord.domain.marks import Basis, Marks, SoftMark, State
from concord.domain.profiles import OPT_OUTS, Profile, SignalKind

VIA_PLATFORM = "platform"
VIA_CARRIER = "carrier"
VIA_DEACTIVATED = "account_deactivated"
VIA_HANDSET = "handset"


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
