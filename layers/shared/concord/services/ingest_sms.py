"""Take an inbound text that came by a topic (AWS two-way SMS): there is no path to tell whose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from concord.domain.connection import ConnectionSettings
from concord.domain.errors import StorageUnavailableError
from concord.domain.events import RawRequest
from concord.domain.inbox import SafetyMessage
from concord.domain.keywords import classify
from concord.ports import Connections, SafetyQueue, Telemetry
from concord.services.apply_events import BY_NUMBER
from concord.services.authenticate import Authenticator
from concord.services.ingest_webhook import IngestWebhook

PLATFORM: Final = "aws"
_DEFAULT_JOIN: Final = ConnectionSettings().join_keyword


class IngestSms:
    """The text's own `destinationNumber` names the connection (NUMBER# rows)."""

    def __init__(
        self,
        *,
        ingest: IngestWebhook,
        connections: Connections,
        authenticator: Authenticator,
        safety: SafetyQueue,
        telemetry: Telemetry,
    ) -> None:
        self._ingest = ingest
        self._connections = connections
        self._authenticator = authenticator
        self._safety = safety
        self._telemetry = telemetry

    def __call__(self, message: Mapping[str, object], received_at: datetime) -> None:
        """Apply the text; what cannot be applied yet waits in the safety queue, for up to 14 days.

        Raises StorageError when that is away too (its own queue delivers it again).
        """
        try:
            self.take(message, received_at)
        except StorageUnavailableError:
            self._safety.put(
                SafetyMessage(
                    kind="sms",
                    connection_id="",
                    request=_request(message, received_at),
                    verified=True,
                    platform=PLATFORM,
                )
            )
            self._telemetry.count("SafetyQueued")

    def take(self, message: Mapping[str, object], received_at: datetime) -> None:
        """The walk itself, without the safety net: WebhookRescue comes in here.

        Raises StorageUnavailableError also for a text that bears a signal and is nobody's (yet).
        """
        # Our number: where a text was sent to, or where the text of a receipt came from.
        number = str(message.get("destinationNumber") or message.get("originationPhoneNumber", ""))
        connection_id = self._connections.by_number(number) if number else None
        connection = self._connections.get(connection_id) if connection_id else None
        if connection is None:
            self._for_nobody(message)
            return
        opened = self._authenticator.with_secrets(connection)
        self._ingest.trusted(PLATFORM, opened, "", _request(message, received_at), BY_NUMBER)

    def _for_nobody(self, message: Mapping[str, object]) -> None:
        """Let receipts and talk go; a STOP waits until a connection claims the number."""
        self._telemetry.count("UnknownEvent")
        self._telemetry.count("InboundForNobody")
        self._telemetry.info("inbound_text_for_nobody")
        if classify(str(message.get("messageBody") or ""), _DEFAULT_JOIN) is not None:
            raise StorageUnavailableError("no connection has this number")


def _request(message: Mapping[str, object], received_at: datetime) -> RawRequest:
    body = json.dumps(message, sort_keys=True).encode()
    return RawRequest(method="SNS", headers={}, body=body, received_at=received_at)
