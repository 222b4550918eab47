"""CATAPULT's webhook: our neutral shape for consents given there (they publish no webhook)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from concord.domain.events import OptedIn, OptedOut, UnparseableError
from concord.domain.identity import Channel
from concord.platforms.checked import MAX_ID, Fields
from concord.platforms.neutral import NeutralWebhook, Parser

ACTIONS: Final[Mapping[str, type[OptedIn] | type[OptedOut]]] = {
    "opt_in": OptedIn,
    "opt_out": OptedOut,
}
CHANNELS: Final = {channel.value: channel for channel in Channel}


def _consent(fields: Fields, event_id: str) -> OptedIn | OptedOut | None:
    action = ACTIONS.get(fields.text("action", MAX_ID))
    if action is None:
        return None
    channel = CHANNELS.get(fields.text("channel", MAX_ID))
    if channel is None:
        raise UnparseableError("field 'channel' is neither sms nor email")
    return action(
        event_id=event_id,
        channel=channel,
        point=fields.text("point", 320),
        occurred_at=fields.time("at"),
        via=fields.optional("via", MAX_ID) or "platform",
        actor=fields.optional("actor", MAX_ID) or "",
    )


EVENTS: Final[Mapping[str, Parser]] = {"consent": _consent}
IGNORED: Final[frozenset[str]] = frozenset()

WEBHOOK: Final = NeutralWebhook(EVENTS, IGNORED)
