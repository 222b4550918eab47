"""Our own webhook shape, for platforms without a public contract: signed, typed, renamable.

`settings["fields"]` maps our field names to theirs (dotted paths allowed), `settings["types"]`
their event types to ours, `settings["words"]` their words to ours, by our field (`status`, `code`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from concord.domain.events import (
    ParsedWebhook,
    PlatformEvent,
    RawRequest,
    SecretValue,
    UnparseableError,
    WebhookAnswer,
)
from concord.platforms import standard_webhooks
from concord.platforms.checked import MAX_ID, Fields, name_map, read_object, safe_type

type Parser = Callable[[Fields, str], PlatformEvent | None]
"""Reads one event, given its fields and id; None = a value in it that we have never seen."""


class NeutralWebhook:
    """A WebhookAdapter over a table of event types."""

    success = WebhookAnswer()
    signs_url = False

    def __init__(self, events: Mapping[str, Parser], ignored: frozenset[str]) -> None:
        self._events = events
        self._ignored = ignored

    def verify(
        self,
        request: RawRequest,
        secrets: Sequence[SecretValue],
        credentials: Mapping[str, str],
    ) -> bool:
        """Whether Standard Webhooks' signature fits; the account's credentials play no part."""
        return standard_webhooks.verify(request, secrets)

    def unsigned(self, request: RawRequest) -> bool:
        """Whether the header is missing: one that is there must fit, whatever the settings say."""
        return standard_webhooks.SIGNATURE not in request.headers

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook:
        """Return the one event of this body. Raises UnparseableError."""
        names, words = name_map(settings, "fields"), name_map(settings, "words")
        fields = Fields(read_object(request.body), names, words)
        theirs = fields.text("type", MAX_ID)
        ours = name_map(settings, "types").get(theirs, theirs)
        # The signed header names the delivery where the body has no id of its own.
        event_id = fields.optional("id", MAX_ID) or request.headers.get(standard_webhooks.ID, "")
        if not event_id or len(event_id) > MAX_ID:
            raise UnparseableError("field 'id' is missing")
        if ours in self._ignored:
            return ParsedWebhook(event_id=event_id)
        read = self._events.get(ours) if isinstance(ours, str) else None
        event = read(fields, event_id) if read else None
        if event is None:
            return ParsedWebhook(event_id=event_id, unknown_type=safe_type(theirs))
        return ParsedWebhook((event,), event_id)
