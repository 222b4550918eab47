"""Stop texting a number that a carrier reports as dead (R-07)."""

from __future__ import annotations

from datetime import datetime

from concord.domain.connection import Connection
from concord.domain.consent import VIA_CARRIER, Signal
from concord.domain.evidence import ConsentKey
from concord.domain.identity import event_key
from concord.domain.inbox import Marker
from concord.domain.profiles import SignalKind
from concord.domain.times import effective_at
from concord.ports import ConsentStore, Telemetry
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticator


class SuppressNumber:
    """A hard failure is evidence like any other signal: chained, once, and no word on consent.

    The way back is a sign of life alone: any text from the handset. Nobody at a desk can know that
    a number lives again, or whose it is by now.
    """

    def __init__(
        self,
        store: ConsentStore,
        authenticator: Authenticator,
        apply_signal: ApplySignal,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._apply_signal = apply_signal
        self._telemetry = telemetry

    def __call__(
        self,
        connection: Connection,
        key: ConsentKey,
        *,
        reference: str,
        code: str,
        occurred_at: datetime | None,
        received_at: datetime,
    ) -> None:
        """Suppress the point of `key`; `reference` is the text's that failed, so it counts once.

        Nothing is written for a number that is known to be dead since then, or that was never seen.
        Raises StorageError.
        """
        at = effective_at(occurred_at, received_at)
        record = self._store.load(key)
        if record is None:
            return
        dead_at = record.marks.dead_at
        if record.marks.suppressed and dead_at is not None and dead_at >= at:
            return
        source = {"connection_id": connection.connection_id, "text": reference, "code": code}
        applied = self._apply_signal(
            connection=connection,
            stack_key=self._authenticator.with_secrets(connection).secrets.stack_key,
            channel=key.channel,
            point=record.point,
            signal=Signal(
                kind=SignalKind.HARD_FAILURE,
                effective_at=at,
                received_at=received_at,
                occurred_at=occurred_at,
                via=VIA_CARRIER,
                source=source,
            ),
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(f"hard|{reference}"),
                body_hash="",
            ),
        )
        if not applied.duplicate:
            self._telemetry.info(
                "number_suppressed", carrier_code=code, evidence=applied.evidence_id
            )
