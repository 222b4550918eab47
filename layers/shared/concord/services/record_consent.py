"""A POS or web shop records consent and waits: apply it, or say how to opt out by text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Signal
from concord.domain.errors import ConflictError, TooLargeError
from concord.domain.events import RawRequest
from concord.domain.identity import Channel, event_key, normalise_email, token_hash
from concord.domain.inbox import InboxEntry, InboxState, Marker, RequestKind
from concord.domain.limits import MAX_BODY
from concord.domain.marks import Basis, State
from concord.domain.metrics import Metric
from concord.domain.phone import normalise_phone
from concord.domain.profiles import SignalKind
from concord.domain.times import effective_at
from concord.ports import Telemetry
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.ingest_webhook import NewInboxId
from concord.services.parse_consent import ConsentCall, parse_consent_call
from concord.services.safety_net import Call, SafetyNet

# An e-mail opt-out is lifted by the shopper's own act alone (api.md): where she is the one typing.
_OWN_ACT: Final = frozenset({"account", "checkout", "web_cart"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is true of a point once a call was applied. `point` is normalised; `duplicate` = the
    call came before, and nothing was written."""

    state: State
    basis: Basis | None
    point: str = field(repr=False)
    evidence_id: str
    duplicate: bool = False


class RecordConsent:
    """`POST /connect/{cid}/consents`."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        apply_signal: ApplySignal,
        net: SafetyNet,
        telemetry: Telemetry,
        new_inbox_id: NewInboxId,
    ) -> None:
        self._authenticator = authenticator
        self._apply_signal = apply_signal
        self._net = net
        self._telemetry = telemetry
        self._new_inbox_id = new_inbox_id

    def __call__(self, connection_id: str, connect_key: str, request: RawRequest) -> Recorded:
        """Return what is true now.

        Raises NotConfirmedError when it could not be stored, UnauthorizedError, InvalidInputError,
        TooLargeError, ConflictError (`must_text_unstop`, `connection_not_connected`,
        `event_id_reused`).
        """
        if len(request.body) > MAX_BODY:
            raise TooLargeError("a body may have 256 KB")
        hashed = token_hash(connect_key)
        return self._net.under(
            lambda: self.record(connection_id, hashed, request),
            Call(RequestKind.CONNECT, connection_id, hashed, request),
            lambda: parse_consent_call(request.body).via,
        )

    def record(self, connection_id: str, hashed_key: str, request: RawRequest) -> Recorded:
        """The walk itself, without the safety net: WebhookRescue comes in here."""
        opened = self._authenticator.open_connect(connection_id, hashed_key, request.received_at)
        call = parse_consent_call(request.body)
        return self.apply(opened, call, request)

    def apply(
        self, opened: Authenticated, call: ConsentCall, request: RawRequest, *, stored: bool = False
    ) -> Recorded:
        """Apply a parsed call; `stored` = its body is in the inbox already (a replay)."""
        connection = opened.connection
        if not call.opt_out and not connection.listens:
            raise ConflictError(
                f"this connection is {connection.state.value}; only opt-outs are taken",
                code="connection_not_connected",
            )
        point = normalised(call.channel, call.point, connection)
        inbox_id = self._new_inbox_id(request.received_at)
        signal = _signal(connection, call, point, request, inbox_id)
        applied = self._apply_signal(
            connection=connection,
            stack_key=opened.secrets.stack_key,
            channel=call.channel,
            point=point,
            signal=signal,
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(f"connect|{call.event_id}"),
                body_hash=sha256_hex(request.body),
            ),
            inbox=None if stored else _inbox(connection, inbox_id, request),
        )
        if not applied.duplicate:
            if applied.before != applied.state:
                self._telemetry.count(Metric.CONSENT_CHANGED)
            if call.opt_out:
                self._telemetry.count(Metric.OPT_OUT_APPLIED)
            self._telemetry.info(
                "consent_call",
                via=call.via,
                state=applied.state.value,
                evidence=applied.evidence_id,
            )
        return _recorded(connection, call, point, applied)


def normalised(channel: Channel, point: str, connection: Connection, field: str = "point") -> str:
    """Return the point as it is kept: E.164, or the address in lower case."""
    if channel is Channel.SMS:
        return normalise_phone(point, connection.country, field)
    return normalise_email(point, field)


def _kind(connection: Connection, call: ConsentCall) -> SignalKind:
    if call.opt_out:
        return SignalKind.OPT_OUT
    if connection.profile(call.channel).double_opt_in:
        return SignalKind.OPT_IN_REQUEST
    own_act = call.via in _OWN_ACT and bool(call.evidence.get("text", "").strip())
    return SignalKind.OWN_OPT_IN if own_act else SignalKind.OPT_IN


def _signal(
    connection: Connection, call: ConsentCall, point: str, request: RawRequest, inbox_id: str
) -> Signal:
    return Signal(
        kind=_kind(connection, call),
        effective_at=effective_at(call.occurred_at, request.received_at, live_opt_out=call.opt_out),
        received_at=request.received_at,
        occurred_at=call.occurred_at,
        via=call.via,
        source={
            "platform": connection.source.platform,
            "connection_id": connection.connection_id,
            "event": event_key(call.event_id),
            "inbox_id": inbox_id,
            # Their names alone: what was in them is in the body, and none of it could be used.
            **({"unusable": ", ".join(call.unusable)} if call.unusable else {}),
        },
        personal={
            **call.evidence,
            "actor": call.actor,
            "shopper_id": call.shopper_id,
            "point": point,
        },
    )


def _inbox(connection: Connection, inbox_id: str, request: RawRequest) -> InboxEntry:
    return InboxEntry(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        inbox_id=inbox_id,
        platform=connection.source.platform,
        topic="consents",
        kind=RequestKind.CONNECT,
        state=InboxState.PROCESSED,
        request=RawRequest(
            method=request.method,
            headers={},
            body=request.body,
            received_at=request.received_at,
            source_ip=request.source_ip,
        ),
    )


def _recorded(connection: Connection, call: ConsentCall, point: str, applied: Applied) -> Recorded:
    if not call.opt_out and applied.state is State.OPTED_OUT:
        code = connection.profile(call.channel).rejection
        extra = {"text_to": connection.fallback_number} if call.channel is Channel.SMS else {}
        raise ConflictError(
            "this shopper opted out; only her own act brings her back"
            + (": she texts UNSTOP" if extra else ""),
            code=code,
            extra=extra,
        )
    return Recorded(
        applied.state, applied.basis, point, applied.evidence_id, duplicate=applied.duplicate
    )
