"""Bring a request home from the safety queue, once the table is back."""

from __future__ import annotations

from concord.domain.errors import ConcordError, StorageError
from concord.ports import SafetyMessage, Telemetry
from concord.services.ingest_webhook import IngestWebhook
from concord.services.record_consent import RecordConsent
from concord.services.save_shopper import RemoveShopper


class RescueRequest:
    """Runs the normal ingest with the moment of receipt as the clock."""

    def __init__(
        self,
        *,
        ingest: IngestWebhook,
        record_consent: RecordConsent,
        remove_shopper: RemoveShopper,
        telemetry: Telemetry,
    ) -> None:
        self._ingest = ingest
        self._record_consent = record_consent
        self._remove_shopper = remove_shopper
        self._telemetry = telemetry

    def __call__(self, message: SafetyMessage) -> None:
        """Apply it. Raises StorageError while the table is still away: the message stays.

        What is refused for good (a wrong token, a conflict) is counted and let go: the sender was
        only told that we keep it, and nothing that was refused can be an effect.
        """
        try:
            self._run(message)
        except StorageError:
            raise
        except ConcordError as problem:
            self._telemetry.count("RescueRefused")
            self._telemetry.info("rescue_refused", kind=message.kind, reason=problem.code)
        else:
            self._telemetry.count("SafetyRescued")

    def _run(self, message: SafetyMessage) -> None:
        if message.kind == "webhook":
            self._ingest.ingest(
                message.platform,
                message.connection_id,
                message.credential_hash,
                message.topic,
                message.request,
            )
        elif message.kind == "shopper":
            self._remove_shopper.remove(
                message.connection_id, message.credential_hash, message.topic, message.request
            )
        else:
            self._record_consent.record(
                message.connection_id, message.credential_hash, message.request
            )
