"""Bring a request home from the safety queue, once the table is back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final, assert_never

from concord.domain.errors import (
    ConcordError,
    InvalidInputError,
    StorageError,
    UnauthorizedError,
)
from concord.domain.inbox import InboxEntry, InboxState, RequestKind, SafetyMessage
from concord.domain.metrics import Metric
from concord.ports import Clock, Connections, ConsentStore, SafetyQueue, Telemetry
from concord.services.ingest_sms import IngestSms
from concord.services.ingest_webhook import IngestWebhook, NewInboxId
from concord.services.record_consent import RecordConsent
from concord.services.remove_shopper import RemoveShopper

_LONGEST_WAIT: Final = 1800
# A queue keeps a message for 14 days, and its dead-letter queue counts from the same day. So a
# request that still cannot be stored goes back as a new message long before that.
_RENEWED_AFTER: Final = timedelta(days=7)


class RescueRequest:
    """Runs the normal ingest with the moment of receipt as the clock."""

    def __init__(
        self,
        *,
        ingest: IngestWebhook,
        ingest_sms: IngestSms,
        record_consent: RecordConsent,
        remove_shopper: RemoveShopper,
        connections: Connections,
        store: ConsentStore,
        safety: SafetyQueue,
        first_wait: int,
        clock: Clock,
        telemetry: Telemetry,
        new_inbox_id: NewInboxId,
    ) -> None:
        """`first_wait` is in seconds; each further failure doubles it, up to half an hour."""
        self._ingest = ingest
        self._ingest_sms = ingest_sms
        self._record_consent = record_consent
        self._remove_shopper = remove_shopper
        self._connections = connections
        self._store = store
        self._safety = safety
        self._first_wait = first_wait
        self._clock = clock
        self._telemetry = telemetry
        self._new_inbox_id = new_inbox_id

    def __call__(
        self, message: SafetyMessage, receives: int, receipt: str, queued_at: datetime
    ) -> None:
        """Apply it. Raises while the table is away, or a bug of ours lives: the message stays.

        `receives` counts from 1. A long outage must neither be hammered nor use the queue's
        receives up before its retention ends, and a short one must not delay an opt-out. A message
        that was `queued_at` (UTC) a week ago is renewed: the queue must not forget it.

        What is refused for good leaves the queue: kept as `failed` in the inbox if it was proven
        when it came, and otherwise only counted.
        """
        try:
            home = self._home(message)
        except Exception as problem:
            wait = min(self._first_wait * 2 ** min(receives - 1, 20), _LONGEST_WAIT)
            self._safety.put_off(receipt, wait)
            if self._clock.now() - queued_at < _RENEWED_AFTER:
                raise
            # Raises if the queue is away: the old message stays.
            self._safety.put(message)
            self._telemetry.info("rescue_renewed", kind=message.kind, reason=_name(problem))
            return
        self._telemetry.count(Metric.SAFETY_RESCUED if home else Metric.RESCUE_REFUSED)

    def _home(self, message: SafetyMessage) -> bool:
        """Apply it; False = it was refused for good."""
        try:
            self._run(message)
        except StorageError:
            raise
        except ConcordError as refusal:
            self._telemetry.info(
                "rescue_refused",
                kind=message.kind,
                reason=refusal.code,
                connection_id=message.connection_id,
                verified=message.verified,
                inbox_id=self._kept(message, refusal),
            )
            return False
        return True

    def _kept(self, message: SafetyMessage, refusal: ConcordError) -> str | None:
        """Keep in the inbox what its sender was told we keep, for a person to look at and replay;
        return its inbox id, None if it is let go.

        Not the refusals that are an answer (a conflict: opt-outs meet none; a shopper who is not
        there). Not what a stranger sent either, for a replay asks for no proof again: whoever was
        not proven when it came and is not proven now, or whose key had ended by then.
        """
        connection = self._connections.get(message.connection_id)
        if connection is None or not isinstance(refusal, UnauthorizedError | InvalidInputError):
            return None
        if isinstance(refusal, UnauthorizedError) and (
            not message.verified
            or connection.revoked(message.credential_hash, message.request.received_at)
        ):
            return None
        inbox_id = self._new_inbox_id(message.request.received_at)
        self._store.keep(
            InboxEntry(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                inbox_id=inbox_id,
                platform=message.platform or connection.source.platform,
                topic=message.topic,
                kind=message.kind,
                state=InboxState.FAILED,
                request=message.request.to_keep(),
                error=refusal.code,
            )
        )
        self._telemetry.count(Metric.WEBHOOK_FAILED)
        return inbox_id

    def _run(self, message: SafetyMessage) -> None:
        match message.kind:
            case RequestKind.WEBHOOK:
                self._ingest.ingest(
                    message.platform,
                    message.connection_id,
                    message.credential_hash,
                    message.topic,
                    message.request,
                )
            case RequestKind.SMS:
                text = json.loads(message.request.body)
                self._ingest_sms.take(message.platform, text, message.request.received_at)
            case RequestKind.SHOPPER:
                self._remove_shopper.remove(
                    message.connection_id, message.credential_hash, message.topic, message.request
                )
            case RequestKind.CONNECT:
                self._record_consent.record(
                    message.connection_id, message.credential_hash, message.request
                )
            case _:
                assert_never(message.kind)


def _name(problem: Exception) -> str:
    return problem.code if isinstance(problem, ConcordError) else type(problem).__name__
