"""Reads what our own SNS topic brings; nothing that comes over HTTP can prove to be from there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from concord.domain.events import (
    ParsedWebhook,
    RawRequest,
    SecretValue,
    UnparseableError,
    WebhookAnswer,
)
from concord.platforms.aws_messaging.webhook import parse


class AwsTopic:
    """The WebhookAdapter of messages whose sender the queue itself proves."""

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
        try:
            message = json.loads(request.body)
        except (ValueError, RecursionError):
            raise UnparseableError("not JSON") from None
        if not isinstance(message, dict):
            raise UnparseableError("not a JSON object")
        return parse(message)
