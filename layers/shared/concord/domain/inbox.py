"""What came in: raw bodies, duplicate markers, and what could not be stored yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from concord.domain.canonical import sha256_hex
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.events import RawRequest
from concord.domain.identity import event_key


@dataclass(frozen=True, slots=True)
class Marker:
    """The duplicate marker of one event. Same key and same hash = the same event again.

    `outcome` is what a repeat is answered from (evidence id). `expires_at` None = kept for ever.
    """

    merchant_id: str
    connection_id: str
    event_key: str
    body_hash: str
    outcome: str = ""
    expires_at: datetime | None = None


class RequestKind(StrEnum):
    """By which way a request came, and so who can apply it again."""

    WEBHOOK = "webhook"
    SMS = "sms"  # a text by a topic, found by its number
    CONNECT = "connect"
    SHOPPER = "shopper"  # a departure; its topic is the shop's own id of her


class InboxState(StrEnum):
    """What became of a body."""

    PROCESSED = "processed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A raw body, kept 30 days before any 2xx."""

    merchant_id: str
    connection_id: str
    inbox_id: str
    platform: str
    topic: str
    kind: RequestKind
    state: InboxState
    request: RawRequest = field(repr=False)
    error: str = ""
    replays: int = 0


def marker_of(
    entry: InboxEntry, event_id: str, index: int = 0, *, expires_at: datetime | None = None
) -> Marker:
    """Return the marker of the event `index` of a body. Raises InvalidInputError without an id."""
    if not event_id:
        raise InvalidInputError("no event id", errors=(FieldError("id", "give the event an id"),))
    name = f"{entry.platform}|{event_id}" + (f"|{index}" if index else "")
    return Marker(
        merchant_id=entry.merchant_id,
        connection_id=entry.connection_id,
        event_key=event_key(name),
        body_hash=sha256_hex(entry.request.body),
        expires_at=expires_at,
    )


@dataclass(frozen=True, slots=True)
class SafetyMessage:
    """A consent-bearing request that could not be stored. Tokens and keys only as hashes, but for
    the URL of a platform that signs it. `verified` = the sender was proven when it came. On its way
    home it is proven again by what counted then; if that fails, a verified one is kept."""

    kind: RequestKind
    connection_id: str
    request: RawRequest = field(repr=False)
    verified: bool
    platform: str = ""
    topic: str = ""
    credential_hash: str = ""
