"""Apply what a webhook turned out to say: each event to its point, through the one decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection, ConnectionState
from concord.domain.consent import VIA_PLATFORM, Signal
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.events import (
    DeliveryReceipt,
    InboundText,
    OptedIn,
    OptedOut,
    ParsedWebhook,
    PlatformEvent,
)
from concord.domain.identity import Channel, event_key, normalise_email
from concord.domain.keywords import KeywordMatch, Meaning, classify
from concord.domain.phone import normalise_phone
from concord.domain.profiles import SignalKind
from concord.domain.tasks import TaskKind, TaskSpec
from concord.domain.times import effective_at
from concord.ports import Clock, InboxEntry, InboxState, Marker, Tasks, Telemetry
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.doors import Opened
from concord.services.note_receipt import NoteReceipt

_LISTENING: Final = frozenset({ConnectionState.CONNECTED, ConnectionState.PAUSED})
_OPT_OUTS: Final = frozenset({SignalKind.OPT_OUT, SignalKind.ASSUMED_OPT_OUT})
_SIGNALS: Final = {
    Meaning.OPT_IN_AGAIN: SignalKind.UNSTOP,
    Meaning.JOIN: SignalKind.JOIN,
    Meaning.START: SignalKind.START,
    Meaning.HELP: SignalKind.HELP,
}
_CARRIER_WORDS: Final = {
    "stop": SignalKind.OPT_OUT,
    "start": SignalKind.START,
    "help": SignalKind.HELP,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What applying came to. `stored` = the raw body went in with a transaction of its own."""

    state: InboxState
    stored: bool


class ApplyEvents:
    """Turns typed events into signals, one commit per point."""

    def __init__(
        self,
        apply_signal: ApplySignal,
        note_receipt: NoteReceipt,
        tasks: Tasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._apply_signal = apply_signal
        self._note_receipt = note_receipt
        self._tasks = tasks
        self._clock = clock
        self._telemetry = telemetry

    def __call__(
        self, opened: Opened, entry: InboxEntry, parsed: ParsedWebhook, *, stored: bool = False
    ) -> Effect:
        """Apply every event; `stored` = the body is in the inbox already (a replay).

        A repeat skips what is done, so a crash between two points is healed by the redelivery.
        """
        if parsed.unknown_type is not None:
            return Effect(InboxState.UNKNOWN, stored)
        state = InboxState.IGNORED
        for index, event in enumerate(parsed.events):
            inbox = None if stored else entry
            outcome = self._apply(opened, entry, inbox, event, index)
            stored = stored or outcome is InboxState.PROCESSED
            state = _worse(state, outcome)
        return Effect(state, stored)

    def _apply(
        self,
        opened: Opened,
        entry: InboxEntry,
        inbox: InboxEntry | None,
        event: PlatformEvent,
        index: int,
    ) -> InboxState:
        connection = opened.connection
        if isinstance(event, DeliveryReceipt):
            self._note_receipt(connection, event)
            return InboxState.PROCESSED  # receipts skip the inbox: the row they name is the record
        if isinstance(event, InboundText):
            signal, channel, point = self._from_text(connection, event, entry)
            if signal is None:
                return InboxState.IGNORED
            if not self._meant_for(connection, event, signal, entry):
                return InboxState.KEPT
        else:
            signal, channel, point = self._from_platform(connection, event, entry)
        if signal.kind not in _OPT_OUTS and connection.state not in _LISTENING:
            return InboxState.KEPT
        applied = self._apply_signal(
            connection=connection,
            stack_key=opened.secrets.stack_key,
            channel=channel,
            point=point,
            signal=signal,
            marker=_marker(entry, event.event_id, index),
            inbox=inbox,
        )
        self._tell(applied, signal)
        return InboxState.PROCESSED

    def _from_text(
        self, connection: Connection, event: InboundText, entry: InboxEntry
    ) -> tuple[Signal | None, Channel, str]:
        point = normalise_phone(event.sender, connection.country, "from")
        kind, word = _meaning(event, connection.settings.join_keyword)
        if kind is None:
            return None, Channel.SMS, point
        to = normalise_phone(event.to, connection.country, "to")
        received = entry.request.received_at
        signal = Signal(
            kind=kind,
            effective_at=effective_at(event.occurred_at, received, live_opt_out=kind in _OPT_OUTS),
            received_at=received,
            occurred_at=event.occurred_at,
            via="handset",
            source={
                "platform": entry.platform,
                "connection_id": connection.connection_id,
                "event": event_key(event.event_id),
                "inbox_id": entry.inbox_id,
                "to": to,
                **({"word": word.word, "word_source": word.source} if word else {}),
            },
            personal={"text": event.text, "from": point},
        )
        return signal, Channel.SMS, point

    def _from_platform(
        self, connection: Connection, event: OptedOut | OptedIn, entry: InboxEntry
    ) -> tuple[Signal, Channel, str]:
        received = entry.request.received_at
        out = isinstance(event, OptedOut)
        if event.channel is Channel.SMS:
            point = normalise_phone(event.point, connection.country)
        else:
            point = normalise_email(event.point)
        asked_by_shop = entry.platform == connection.source.platform
        double = connection.profile(event.channel).double_opt_in
        opt_in = SignalKind.OPT_IN_REQUEST if asked_by_shop and double else SignalKind.OPT_IN
        signal = Signal(
            kind=SignalKind.OPT_OUT if out else opt_in,
            effective_at=effective_at(event.occurred_at, received, live_opt_out=out),
            received_at=received,
            occurred_at=event.occurred_at,
            via=VIA_PLATFORM,
            source={
                "platform": entry.platform,
                "connection_id": connection.connection_id,
                "event": event_key(event.event_id),
                "inbox_id": entry.inbox_id,
                "door": event.via,
            },
            personal={"actor": event.actor, "point": point},
        )
        return signal, event.channel, point

    def _meant_for(
        self, connection: Connection, event: InboundText, signal: Signal, entry: InboxEntry
    ) -> bool:
        """Whether the text came to one of this account's numbers (TEA-03, TEA-18).

        While no number is known yet an opt-out counts (fail closed). A number that we do not know
        may be new: the body is kept, the numbers are fetched, and the body is looked at again.
        """
        to = signal.source["to"]
        if connection.owns_number(to):
            return True
        if not connection.text_numbers and signal.kind in _OPT_OUTS:
            return True
        self._tasks.ensure(
            connection.merchant_id,
            TaskSpec(
                TaskKind.FETCH_NUMBERS,
                connection.connection_id,
                task_id=event_key(f"{entry.platform}|{event.event_id}"),
                payload={"inbox_id": entry.inbox_id},
            ),
            self._clock.now(),
        )
        return False

    def _tell(self, applied: Applied, signal: Signal) -> None:
        if applied.duplicate:
            return
        self._telemetry.count(
            "ConsentChanged" if applied.before != applied.state else "ConsentSeen"
        )
        if signal.kind in _OPT_OUTS:
            self._telemetry.count("OptOutApplied")
        self._telemetry.info(
            "consent_signal",
            kind=signal.kind.value,
            state=applied.state.value,
            evidence=applied.evidence_id,
        )


def _meaning(
    event: InboundText, join_keyword: str
) -> tuple[SignalKind | None, KeywordMatch | None]:
    """Return what a text means: the carrier's word for it first, then our own reading."""
    word = classify(event.text, join_keyword)
    if word is not None and word.meaning is Meaning.OPT_OUT:
        return (SignalKind.OPT_OUT if word.exact else SignalKind.ASSUMED_OPT_OUT), word
    by_carrier = _CARRIER_WORDS.get((event.carrier_keyword or "").lower())
    if by_carrier is SignalKind.OPT_OUT or word is None:
        return by_carrier, None
    return _SIGNALS[word.meaning], word


def _marker(entry: InboxEntry, event_id: str, index: int) -> Marker:
    if not event_id:
        raise InvalidInputError("no event id", errors=(FieldError("id", "give the event an id"),))
    name = f"{entry.platform}|{event_id}" + (f"|{index}" if index else "")
    return Marker(
        merchant_id=entry.merchant_id,
        connection_id=entry.connection_id,
        event_key=event_key(name),
        body_hash=sha256_hex(entry.request.body),
    )


_RANK: Final = (InboxState.IGNORED, InboxState.PROCESSED, InboxState.KEPT)


def _worse(a: InboxState, b: InboxState) -> InboxState:
    return max(a, b, key=_RANK.index)
