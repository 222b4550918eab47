"""What arrives: the raw request, and the typed events that a platform's JSON becomes.

What is personal or secret stays out of every repr: a repr ends in a log sooner or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from concord.domain.identity import Channel

# Headers that are somebody's key.
_CREDENTIALS: Final = frozenset({"authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it was received: raw bytes, because signatures are made over bytes.

    `headers` have lower-case names. `query` keeps order and repetition. `url` is the public URL the
    sender used, rebuilt from configuration and never from the Host header. `received_at` is UTC.
    """

    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime
    url: str = field(default="", repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    source_ip: str = field(default="", repr=False)

    def to_keep(self, *, with_url: bool = False) -> RawRequest:
        """Return it as it may be stored: without the sender's key.

        A webhook's URL holds its path token: it is kept only where the signature covers it.
        """
        headers = {name: value for name, value in self.headers.items() if name not in _CREDENTIALS}
        return replace(self, headers=headers, url=self.url if with_url else "")


@dataclass(frozen=True, slots=True)
class InboundText:
    """A shopper texted one of the account's text numbers.

    `sender` is a phone number as the platform spells it. `carrier_keyword` is what the carrier side
    already made of the text (Twilio OptOutType: stop, start, help), if it said so.
    """

    event_id: str
    sender: str = field(repr=False)
    to: str
    text: str = field(repr=False)
    occurred_at: datetime | None = None
    carrier_keyword: str | None = None


@dataclass(frozen=True, slots=True)
class ToldElsewhere:
    """What a person told a platform, and not us, about one of her points.

    `event_id` None = the platform gives none. `list_id` names the list, where it has lists.
    """

    event_id: str | None
    channel: Channel
    point: str = field(repr=False)
    occurred_at: datetime | None = None
    via: str = "platform"
    actor: str = field(default="", repr=False)
    list_id: str | None = None


@dataclass(frozen=True, slots=True)
class OptedOut(ToldElsewhere):
    """She opted out there."""


@dataclass(frozen=True, slots=True)
class OptedIn(ToldElsewhere):
    """She opted in there."""


class DeliveryStatus(StrEnum):
    """Where a text is; a later rank never goes back to an earlier one."""

    ACCEPTED = "accepted"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"

    @property
    def rank(self) -> int:
        """Return its place in the order above: of two receipts of a text the higher counts."""
        return _RANKS[self]


_RANKS: Final[Mapping[DeliveryStatus, int]] = {
    status: place for place, status in enumerate(DeliveryStatus)
}


class Failure(StrEnum):
    """What a failed text says of its number (R-07).

    `soft`: this text failed, the next may arrive. `hard`: the number is dead, takes no texts or is
    somebody else's by now, so nothing may be sent there. `opted_out`: the carrier side blocks it,
    because its owner opted out there.
    """

    SOFT = "soft"
    HARD = "hard"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """The platform says what became of a text. `reference` is ours, `message_id` theirs.

    `to` is the number texted (E.164 where theirs could be read so): of a text to many, whose
    `reference` names the call, it alone tells whose receipt this is. `code` is the platform's own;
    `failure` is what it comes to, set for every failed text and for no other.
    """

    event_id: str
    status: DeliveryStatus
    reference: str | None = None
    message_id: str | None = None
    code: str | None = None
    occurred_at: datetime | None = None
    to: str | None = field(default=None, repr=False)
    failure: Failure | None = None

    @property
    def hard(self) -> bool:
        """Whether nothing may be sent to this number again (R-07)."""
        return self.failure is Failure.HARD


@dataclass(frozen=True, slots=True)
class CreditChanged:
    """A shop's loyalty system, which keeps the points itself, says what a customer has now.

    `credit` is her balance after the change, `delta` the change; both in whole points. At least one
    of `customer_id` (the loyalty system's own) and `email` is there. `event_id` None = it gives
    none: then of two the one received last counts, and a repeat says the same again.
    """

    event_id: str | None
    customer_id: str | None
    email: str | None = field(repr=False)
    credit: int
    delta: int | None = None


type PlatformEvent = InboundText | OptedOut | OptedIn | DeliveryReceipt | CreditChanged


@dataclass(frozen=True, slots=True)
class ParsedWebhook:
    """What a body turned out to be: events, or known-and-ignored, or a type we have never seen.

    `event_id` names the delivery itself (for the duplicate marker of bodies without events).
    """

    events: tuple[PlatformEvent, ...] = ()
    event_id: str = ""
    unknown_type: str | None = None


class UnparseableError(ValueError):
    """The signature was good and the body is not what the contract says. The raw body is kept."""


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The status, type and body that a platform expects as its 'done'."""

    status: int = 204
    content_type: str = "application/json"
    body: str = ""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """One accepted secret; several during rotation. `expires_at` None = the current one."""

    value: str = field(repr=False)
    expires_at: datetime | None = None

    def usable(self, at: datetime) -> bool:
        """Whether this secret is still accepted at `at`."""
        return self.expires_at is None or at < self.expires_at


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What one of our own APIs answers; `body` None = no content."""

    status: int
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
