"""Take an inbound text that came by a topic (AWS two-way SMS): there is no path to tell whose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from concord.domain.events import RawRequest
from concord.ports import Connections, Telemetry
from concord.services.doors import Doors
from concord.services.ingest_webhook import IngestWebhook

PLATFORM: Final = "aws"


class IngestSms:
    """The text's own `destinationNumber` names the connection (NUMBER# rows)."""

    def __init__(
        self, *, ingest: IngestWebhook, connections: Connections, doors: Doors, telemetry: Telemetry
    ) -> None:
        self._ingest = ingest
        self._connections = connections
        self._doors = doors
        self._telemetry = telemetry

    def __call__(self, message: Mapping[str, object], received_at: datetime) -> None:
        """Apply the text. Raises StorageError (the queue delivers it again)."""
        number = str(message.get("destinationNumber", ""))
        connection_id = self._connections.by_number(number) if number else None
        connection = self._connections.get(connection_id) if connection_id else None
        if connection is None:
            self._telemetry.count("UnknownEvent")
            self._telemetry.info("inbound_text_for_nobody")
            return
        request = RawRequest(
            method="SNS",
            headers={},
            body=json.dumps(message, sort_keys=True).encode(),
            received_at=received_at,
        )
        self._ingest.trusted(PLATFORM, self._doors.with_secrets(connection), "", request)
