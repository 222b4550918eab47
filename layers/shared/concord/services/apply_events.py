"""Apply what a webhook turned out to say: each event to its point, through the one decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import Signal
from concord.domain.events import (
    CreditChanged,
    DeliveryReceipt,
    InboundText,
    OptedIn,
    OptedOut,
    ParsedWebhook,
)
from concord.domain.identity import Channel, point_id
from concord.domain.inbox import InboxEntry, InboxState, RequestKind, marker_of
from concord.domain.metrics import Metric
from concord.domain.profiles import OPT_OUTS, SignalKind
from concord.domain.tasks import TaskKind, TaskSpec
from concord.ports import Clock, Tasks, Telemetry
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.authenticate import Authenticated
from concord.services.contact_tasks import sync_subscriber
from concord.services.read_signals import event_name, signal_of_platform, signal_of_text
from concord.services.take_credit import TakeCredit
from concord.services.take_receipt import TakeReceipt

_RANK: Final = (InboxState.IGNORED, InboxState.PROCESSED, InboxState.KEPT)
# The kind of an inbox entry whose connection was found by the number that was texted.
BY_NUMBER: Final = RequestKind.SMS


@dataclass(frozen=True, slots=True)
class Effect:
    """What applying came to. `stored` = the raw body went in with a transaction of its own;
    `strange` = a text had come to a number that we do not know (`look_again`); `new` = a consent
    event was made, not only found."""

    state: InboxState
    stored: bool
    strange: bool = False
    new: bool = False

    def then(self, other: Effect) -> Effect:
        """Return what both came to, by the state that needs the most care."""
        state = max(self.state, other.state, key=_RANK.index)
        return Effect(
            state,
            self.stored or other.stored,
            self.strange or other.strange,
            self.new or other.new,
        )


class ApplyEvents:
    """Turns typed events into signals, one commit per point."""

    def __init__(
        self,
        apply_signal: ApplySignal,
        take_receipt: TakeReceipt,
        take_credit: TakeCredit,
        tasks: Tasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._apply_signal = apply_signal
        self._take_receipt = take_receipt
        self._take_credit = take_credit
        self._tasks = tasks
        self._clock = clock
        self._telemetry = telemetry

    def __call__(
        self,
        opened: Authenticated,
        entry: InboxEntry,
        parsed: ParsedWebhook,
        *,
        stored: bool = False,
    ) -> Effect:
        """Apply every event; `stored` = the body is in the inbox already (a replay).

        A repeat skips what is done, so a crash between two points is healed by the redelivery.
        """
        if parsed.unknown_type is not None:
            return Effect(InboxState.UNKNOWN, stored)
        effect = Effect(InboxState.IGNORED, stored)
        for index, event in enumerate(parsed.events):
            inbox = None if effect.stored else entry
            if isinstance(event, DeliveryReceipt):
                received = entry.request.received_at
                self._take_receipt(opened, event, received, replayed=stored)
                # Receipts skip the inbox: the row they name is the record.
                effect = effect.then(Effect(InboxState.PROCESSED, stored=True))
            elif isinstance(event, CreditChanged):
                state = self._take_credit(opened, event, entry, replayed=effect.stored)
                effect = effect.then(Effect(state, stored=state is InboxState.PROCESSED))
            else:
                effect = effect.then(self._apply(opened, entry, inbox, event, index))
        return effect

    def look_again(self, entry: InboxEntry, inbox_id: str) -> None:
        """Have the numbers fetched (one may be new), and the body kept as `inbox_id` replayed.

        To be called once that body is stored: the task would find nothing before. A repeat names
        the same body, so it is the same task.
        """
        spec = TaskSpec(
            TaskKind.FETCH_NUMBERS,
            entry.connection_id,
            task_id=inbox_id,
            payload={"inbox_id": inbox_id},
        )
        self._tasks.ensure(entry.merchant_id, spec, self._clock.now())

    def _apply(
        self,
        opened: Authenticated,
        entry: InboxEntry,
        inbox: InboxEntry | None,
        event: InboundText | OptedOut | OptedIn,
        index: int,
    ) -> Effect:
        connection = opened.connection
        if isinstance(event, InboundText):
            signal = signal_of_text(connection, event, entry)
            if signal is None or not self._matters(opened, entry, signal):
                return Effect(InboxState.IGNORED, stored=False)
            if not _meant_for(connection, entry, signal):
                self._tell_kept(signal)
                return Effect(InboxState.KEPT, stored=False, strange=True)
            channel, point = Channel.SMS, signal.personal["from"]
        else:
            signal, channel, point = signal_of_platform(connection, event, entry)
        if signal.kind not in OPT_OUTS and not connection.listens:
            return Effect(InboxState.KEPT, stored=False)
        if self._of_list(opened, entry, channel, point):
            if isinstance(event, OptedIn) and event.list_id not in (None, connection.contact_list):
                return Effect(InboxState.IGNORED, stored=False)
            if isinstance(event, OptedIn) and not opened.proven:
                # Kept as asked for: what the list shows to the look that is on its way counts.
                signal = replace(signal, kind=SignalKind.OPT_IN_REQUEST)
        lifts = signal.kind in connection.profile(channel).lifts
        asked = signal.kind is SignalKind.OPT_IN_REQUEST and connection.exports_contacts
        if not opened.proven and (lifts or isinstance(event, OptedIn)) and not asked:
            return Effect(InboxState.KEPT, stored=False)
        applied = self._apply_signal(
            connection=connection,
            stack_key=opened.secrets.stack_key,
            channel=channel,
            point=point,
            signal=signal,
            marker=marker_of(entry, event_name(entry, event), index),
            inbox=inbox,
        )
        self._tell(applied, signal)
        return Effect(InboxState.PROCESSED, stored=True, new=not applied.duplicate)

    def _of_list(
        self, opened: Authenticated, entry: InboxEntry, channel: Channel, point: str
    ) -> bool:
        """Whether a word came of the list that contacts are exported to. Then a look at what the
        list shows is on its way, whatever becomes of this word: it is queued first."""
        connection = opened.connection
        if not connection.exports_contacts or channel is not Channel.EMAIL:
            return False
        if entry.platform != connection.destination.platform:
            return False
        name = point_id(opened.secrets.stack_key, connection.merchant_id, channel, point)
        heard_at = entry.request.received_at
        spec = sync_subscriber(connection.connection_id, name, heard_at=heard_at)
        self._tasks.ensure(connection.merchant_id, spec, self._clock.now())
        return True

    def _matters(self, opened: Authenticated, entry: InboxEntry, signal: Signal) -> bool:
        """Whether a text is more than talk: it is a keyword, or revives a dead number (R-07).

        Talk costs one read and never a write of consent. A keyword is a sign of life as well, in
        the write that it causes anyway.
        """
        if signal.kind is not SignalKind.SIGN_OF_LIFE:
            return True
        connection, point = opened.connection, signal.personal["from"]
        if not connection.listens or not _meant_for(connection, entry, signal):
            return False
        stack_key = opened.secrets.stack_key
        return self._apply_signal.suppressed(connection, stack_key, Channel.SMS, point)

    def _tell_kept(self, signal: Signal) -> None:
        """Raise a metric for an opt-out without effect: it may be one that we owe her."""
        if signal.kind in OPT_OUTS:
            self._telemetry.count(Metric.UNKNOWN_EVENT)
            self._telemetry.info("opt_out_to_unknown_number", kind=signal.kind.value)

    def _tell(self, applied: Applied, signal: Signal) -> None:
        if applied.duplicate:
            return
        if applied.before != applied.state:
            self._telemetry.count(Metric.CONSENT_CHANGED)
        if signal.kind in OPT_OUTS:
            self._telemetry.count(Metric.OPT_OUT_APPLIED)
        self._telemetry.info(
            "consent_signal",
            kind=signal.kind.value,
            state=applied.state.value,
            evidence=applied.evidence_id,
        )


def _meant_for(connection: Connection, entry: InboxEntry, signal: Signal) -> bool:
    """Whether the text came to one of this account's numbers (TEA-03, TEA-18).

    Where no number is known yet an opt-out counts (fail closed). Any other number that we do not
    know may be new: the body is kept, the numbers are fetched, and the body is looked at again.
    A number that led here is ours, also when texts go out from another one by now.
    """
    if entry.kind == BY_NUMBER or connection.takes_any_text_of(entry.platform):
        return True
    if connection.owns_number(signal.source["to"]):
        return True
    return not connection.text_numbers and signal.kind in OPT_OUTS
