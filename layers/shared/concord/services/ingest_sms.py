"""Take an inbound text that came by a topic: there is no path to tell whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from concord.domain.connection import ConnectionSettings
from concord.domain.errors import StackKeyError, StorageUnavailableError
from concord.domain.events import InboundText, RawRequest, UnparseableError
from concord.domain.inbox import RequestKind, SafetyMessage
from concord.domain.keywords import classify
from concord.domain.metrics import Metric
from concord.ports import Connections, Platforms, SafetyQueue, Telemetry, TopicAdapter
from concord.services.apply_events import BY_NUMBER
from concord.services.authenticate import Authenticator
from concord.services.ingest_webhook import IngestWebhook

_DEFAULT_JOIN: Final = ConnectionSettings().join_keyword


class IngestSms:
    """The number of ours that the message names leads to its connection (NUMBER# rows)."""

    def __init__(
        self,
        *,
        ingest: IngestWebhook,
        platforms: Platforms,
        connections: Connections,
        authenticator: Authenticator,
        safety: SafetyQueue,
        telemetry: Telemetry,
    ) -> None:
        self._ingest = ingest
        self._platforms = platforms
        self._connections = connections
        self._authenticator = authenticator
        self._safety = safety
        self._telemetry = telemetry

    def __call__(self, platform: str, message: Mapping[str, object], received_at: datetime) -> None:
        """Apply what the topic of `platform` brought.

        What cannot be applied yet waits in the safety queue, for up to 14 days. That goes for a
        stack key that is missing or wrong as well: a carrier sends a text once, and its own queue
        gives up after 20 receives. Raises StorageUnavailableError when the safety queue is away too
        (its own queue delivers it again).
        """
        try:
            self.take(platform, message, received_at)
        except (StorageUnavailableError, StackKeyError):
            self._safety.put(
                SafetyMessage(
                    kind=RequestKind.SMS,
                    connection_id="",
                    request=_request(message, received_at),
                    verified=True,
                    platform=platform,
                )
            )
            self._telemetry.count(Metric.SAFETY_QUEUED)

    def take(self, platform: str, message: Mapping[str, object], received_at: datetime) -> None:
        """The walk itself, without the safety net: WebhookRescue comes in here.

        Raises StorageUnavailableError also for a text that bears a signal and is nobody's (yet),
        LookupError for a platform without a topic: a bug of the caller, so the message stays.
        """
        topic = self._platforms.topic(platform)
        if topic is None:
            raise LookupError("this platform has no topic")
        number, request = topic.our_number(message), _request(message, received_at)
        connection_id = self._connections.by_number(number) if number else None
        connection = self._connections.get(connection_id) if connection_id else None
        if connection is None:
            self._for_nobody(topic, request)
            return
        opened = self._authenticator.with_secrets(connection)
        self._ingest.trusted(platform, opened, "", request, BY_NUMBER)

    def _for_nobody(self, topic: TopicAdapter, request: RawRequest) -> None:
        """Let receipts and talk go; a STOP waits until a connection claims the number."""
        self._telemetry.count(Metric.UNKNOWN_EVENT)
        self._telemetry.count(Metric.INBOUND_FOR_NOBODY)
        self._telemetry.info("inbound_text_for_nobody")
        if _bears_signal(topic, request):
            raise StorageUnavailableError("no connection has this number")


def _bears_signal(topic: TopicAdapter, request: RawRequest) -> bool:
    try:
        events = topic.parse(request, {}).events
    except UnparseableError:
        return False
    texts = [event for event in events if isinstance(event, InboundText)]
    return any(
        text.carrier_keyword is not None or classify(text.text, _DEFAULT_JOIN) is not None
        for text in texts
    )


def _request(message: Mapping[str, object], received_at: datetime) -> RawRequest:
    body = json.dumps(message, sort_keys=True).encode()
    return RawRequest(method="SNS", headers={}, body=body, received_at=received_at)
