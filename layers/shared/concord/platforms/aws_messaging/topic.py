"""Reads what our own SNS topic brings; nothing that comes over HTTP can prove to be from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from concord.domain.events import ParsedWebhook, RawRequest, SecretValue, WebhookAnswer
from concord.platforms.aws_messaging.webhook import parse
from concord.platforms.checked import read_object


class AwsTopic:
    """The TopicAdapter of messages whose sender the queue itself proves."""

    signs_url = False

    @property
    def success(self) -> WebhookAnswer:
        """Return what nobody waits for."""
        return WebhookAnswer()

    def verify(
        self,
        request: RawRequest,
        secrets: Sequence[SecretValue],
        credentials: Mapping[str, str],
    ) -> bool:
        """Refuse: this adapter is for the queue alone."""
        return False

    def unsigned(self, request: RawRequest) -> bool:
        """Never: the queue is the proof."""
        return False

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook:
        """Return the text or delivery event. Raises UnparseableError."""
        return parse(read_object(request.body), settings)

    def our_number(self, message: Mapping[str, object]) -> str:
        """Return where a text was sent to, or where the text of a receipt came from."""
        return str(message.get("destinationNumber") or message.get("originationPhoneNumber") or "")
