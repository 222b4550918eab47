"""Ecomail's list webhook: who joined and who left a list. It has no signature and no id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from concord.domain.events import (
    OptedIn,
    OptedOut,
    ParsedWebhook,
    RawRequest,
    UnparseableError,
)
from concord.domain.identity import Channel
from concord.platforms.checked import MAX_ID, Fields, read_object, safe_type
from concord.platforms.secret_url import SecretUrlWebhook

EVENTS: Final[Mapping[str, type[OptedIn] | type[OptedOut]]] = {
    "SUBSCRIBED": OptedIn,
    "UNSUBSCRIBED": OptedOut,
}
# What else Ecomail posts, told by its keys: deliveries, opens and bounces (in arrays), and what an
# automation was told to post.
_DELIVERIES: Final = "msys"
_AUTOMATION: Final = frozenset({"pipeline", "action", "subscriber"})
IGNORED: Final = frozenset({_DELIVERIES, *_AUTOMATION})
_BATCH_ID: Final = "x-messagesystems-batch-id"
_MAX_EMAIL: Final = 320


class EcomailWebhook(SecretUrlWebhook):
    """WebhookAdapter of Ecomail."""

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook:
        """Return the one event of a list webhook. Raises UnparseableError."""
        if _is_delivery_batch(request.body):
            return ParsedWebhook(event_id=request.headers.get(_BATCH_ID, "")[:MAX_ID])
        body = read_object(request.body)
        if body.keys() >= _AUTOMATION:
            return ParsedWebhook()
        payload = body.get("payload")
        if not isinstance(payload, Mapping):
            raise UnparseableError("field 'payload' is not an object")
        fields = Fields(payload)
        status = fields.text("status", MAX_ID)
        event = EVENTS.get(status)
        if event is None:
            return ParsedWebhook(unknown_type=safe_type(status))
        by_campaign = fields.optional("campaignId", MAX_ID) is not None
        heard = event(
            event_id=None,
            channel=Channel.EMAIL,
            point=fields.text("email", _MAX_EMAIL),
            via="campaign" if by_campaign else "list",
            list_id=fields.text("listId", MAX_ID),
        )
        return ParsedWebhook((heard,))


def _is_delivery_batch(body: bytes) -> bool:
    """Whether it is an array of what became of mails, each under `msys`."""
    if not body.lstrip().startswith(b"["):
        return False
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return bool(entries) and all(
        isinstance(each, dict) and isinstance(each.get(_DELIVERIES), dict) for each in entries
    )


WEBHOOK: Final = EcomailWebhook()
