"""Heed what a failed text says of its number: it is dead (R-07), or its owner opted out there."""

from __future__ import annotations

from datetime import datetime

from concord.domain.connection import Connection
from concord.domain.consent import VIA_CARRIER, Signal
from concord.domain.consent_record import ConsentRecord
from concord.domain.events import Failure
from concord.domain.evidence import ConsentKey
from concord.domain.identity import event_key
from concord.domain.inbox import Marker
from concord.domain.marks import State
from concord.domain.profiles import SignalKind
from concord.domain.tasks import push_id
from concord.domain.times import effective_at
from concord.ports import ConsentStore, Tasks, Telemetry
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.authenticate import Authenticator


class HeedFailure:
    """A failure is evidence like any other signal: chained, and once for each text.

    The way back from a dead number is a sign of life alone: any text from the handset. Nobody at a
    desk can know that a number lives again, or whose it is by now.
    """

    def __init__(
        self,
        store: ConsentStore,
        tasks: Tasks,
        authenticator: Authenticator,
        apply_signal: ApplySignal,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._authenticator = authenticator
        self._apply_signal = apply_signal
        self._telemetry = telemetry

    def __call__(
        self,
        connection: Connection,
        key: ConsentKey,
        failure: Failure | None,
        *,
        reference: str,
        code: str,
        occurred_at: datetime | None,
        received_at: datetime,
    ) -> None:
        """Suppress or opt out the point of `key`; `reference` is the text's that failed.

        Nothing is written for a soft failure, for what is known already, and for a number that was
        never seen. Raises StorageError.
        """
        if failure not in (Failure.HARD, Failure.OPTED_OUT):
            return
        at = effective_at(occurred_at, received_at)
        record = self._store.load(key)
        if record is None:
            return
        hard = failure is Failure.HARD
        if _known_dead(record, at) if hard else self._known_out(connection, record):
            return
        applied = self._apply(
            connection,
            record,
            Signal(
                kind=SignalKind.HARD_FAILURE if hard else SignalKind.OPT_OUT,
                effective_at=at,
                received_at=received_at,
                occurred_at=occurred_at,
                via=VIA_CARRIER,
                source={"connection_id": connection.connection_id, "text": reference, "code": code},
            ),
            # A platform that refused this very text had its word counted under the same name.
            event=f"hard|{reference}" if hard else f"carrier|{reference}",
        )
        if not applied.duplicate:
            self._telemetry.info(
                "number_suppressed" if hard else "opted_out_at_carrier",
                carrier_code=code,
                evidence=applied.evidence_id,
            )

    def _known_out(self, connection: Connection, record: ConsentRecord) -> bool:
        """Whether "opted out" is no news: our state, or our own block that a push is about to lift.

        Such a platform tells of its shoppers' own opt-outs by webhook as well (ADR 16).
        """
        state, _ = record.marks.standing
        if state is State.OPTED_OUT:
            return True
        platform = connection.sender_platform
        if not connection.keeps_consent(platform):
            return False
        name = push_id(platform, record.key.channel, record.key.point_id)
        push = self._tasks.find_push(connection.merchant_id, connection.connection_id, name)
        return push is not None

    def _apply(
        self, connection: Connection, record: ConsentRecord, signal: Signal, *, event: str
    ) -> Applied:
        return self._apply_signal(
            connection=connection,
            stack_key=self._authenticator.with_secrets(connection).secrets.stack_key,
            channel=record.key.channel,
            point=record.point,
            signal=signal,
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(event),
                body_hash="",
            ),
        )


def _known_dead(record: ConsentRecord, at: datetime) -> bool:
    """Whether the number is known to be dead, since `at` or later."""
    dead_at = record.marks.dead_at
    return record.marks.suppressed and dead_at is not None and dead_at >= at
