"""A connection: two linked accounts of a merchant, its states, and what it is set to."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from concord.domain.errors import ConflictError
from concord.domain.identity import Channel
from concord.domain.mail_texts import MailLanguage
from concord.domain.mails import MailedBy
from concord.domain.profiles import EXPORTS_CONTACTS, Profile, profile_for


class ConnectionState(StrEnum):
    """Life of a connection (TEA-01)."""

    REQUESTED = "requested"
    PENDING = "pending"
    CONNECTED = "connected"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"


_NEXT: Final = {
    ConnectionState.REQUESTED: {ConnectionState.PENDING, ConnectionState.DISCONNECTED},
    ConnectionState.PENDING: {ConnectionState.CONNECTED, ConnectionState.DISCONNECTED},
    ConnectionState.CONNECTED: {ConnectionState.PAUSED, ConnectionState.DISCONNECTED},
    ConnectionState.PAUSED: {ConnectionState.CONNECTED, ConnectionState.DISCONNECTED},
    ConnectionState.DISCONNECTED: set(),
}


# These take every signal; the others keep all but opt-outs without effect.
_LISTENING: Final = frozenset({ConnectionState.CONNECTED, ConnectionState.PAUSED})

# A request that waits in the safety queue is proven by what counted when it came. The queue keeps a
# message for 14 days, and it is renewed only while the table is away or a bug of ours lives.
_REMEMBERED_FOR: Final = timedelta(days=30)


def check_transition(current: ConnectionState, wanted: ConnectionState) -> None:
    """Raise ConflictError `invalid_transition` naming what is possible from here."""
    if wanted not in _NEXT[current]:
        possible = ", ".join(sorted(_NEXT[current])) or "nothing: it is final"
        raise ConflictError(
            f"{current} cannot become {wanted}; possible: {possible}", code="invalid_transition"
        )


@dataclass(frozen=True, slots=True)
class Side:
    """One linked account: where it is and how its adapter is set. Credentials live elsewhere."""

    platform: str
    account_id: str
    base_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """Who carries the texts, when that is not the destination itself.

    `answers_stop` None = as the platform does. `numbers` (E.164) are more that shoppers may reply
    to: those behind a service or pool, which `sends_from` does not name.
    """

    platform: str
    base_url: str
    sends_from: str
    answers_stop: bool | None
    account_id: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether texts come from one number (E.164), not from a service, pool or name."""
        return self.sends_from.startswith("+")

    @property
    def own_numbers(self) -> tuple[str, ...]:
        """Return every number (E.164) that is known to be the sender's."""
        own = (self.sends_from,) if self.is_number else ()
        return tuple(dict.fromkeys((*own, *self.numbers)))


@dataclass(frozen=True, slots=True)
class HashedSecret:
    """SHA-256 of a path token or connect key, and until when it is accepted (rotation)."""

    hash: str
    expires_at: datetime | None = None

    def usable(self, at: datetime) -> bool:
        """Whether it still opens the door at `at`."""
        return self.expires_at is None or at < self.expires_at

    def remembered(self, now: datetime) -> bool:
        """Whether a request that came before its end may still be on its way home."""
        return self.expires_at is None or now < self.expires_at + _REMEMBERED_FOR


# Settings of which null is not the default: it switches them off.
NULL_SAYS: Final = frozenset({"sync_hours"})


@dataclass(frozen=True, slots=True)
class SegmentPrice:
    """What one segment costs the merchant: `amount` is a decimal number as text (`0.0079`),
    `currency` an ISO 4217 code. Only previews use it."""

    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What an operator may change; None or absent means the default.

    `rate` is how many texts a second the account that carries them may send (R-08); None = what its
    platform declares. `depth_seconds` is how many seconds of that may be handed over in one call,
    and so how far a STOP can be behind; None = a minute.

    Except `sync_hours`: every so many hours the shop's groups and shoppers are read in full; None =
    they are read on demand alone.

    `programme` is the one of its merchant's in which the shop's orders earn points; None = they are
    not taken. Of our own mails about points (`mails`), `mail_reply_to` None = to `mail_from`.
    """

    join_keyword: str = "JOIN"
    fallback_number: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    require_signature: bool = True
    sender: SenderChoice | None = None
    rate: float | None = None
    depth_seconds: int | None = None
    segment_price: SegmentPrice | None = None
    sync_hours: int | None = 24
    programme: str | None = None
    mails: MailedBy = MailedBy.PLATFORM
    mail_from: str | None = None
    mail_reply_to: str | None = None
    mails_language: MailLanguage = MailLanguage.EN


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as every function needs it: one read brings all of this.

    `text_numbers` are the account's own numbers, oldest first (by TextNumberID), as pairs of number
    and the platform's id; `first_number` is the oldest ever seen and stays (TEA-23). `public_url`
    is the base of our own API as platforms reach it, noted when the connection was made.
    `secrets_version` names what counts of its secrets: the parameter store keeps the others too,
    and `secrets_before` says until when each of them counted.
    `made_by` is the hash of the request that made it, if that had an Idempotency-Key.
    """

    connection_id: str
    merchant_id: str
    merchant_name: str
    country: str
    integration: str
    state: ConnectionState
    source: Side
    destination: Side
    settings: ConnectionSettings
    key_fingerprint: str
    tokens: tuple[HashedSecret, ...]
    connect_keys: tuple[HashedSecret, ...]
    created_at: datetime
    version: int = 1
    text_numbers: tuple[tuple[str, str], ...] = ()
    first_number: str | None = None
    public_url: str = ""
    secrets_version: int = 1
    secrets_before: tuple[tuple[int, datetime], ...] = ()
    made_by: str = ""

    @property
    def account(self) -> str:
        """Return the messaging account that scopes consent (TEA-03, TEA-04)."""
        return f"{self.destination.platform}:{self.destination.account_id}"

    @property
    def listens(self) -> bool:
        """Whether every signal counts (TEA-01); an opt-out does in any state."""
        return self.state in _LISTENING

    @property
    def exports_contacts(self) -> bool:
        """Whether the destination keeps a list of contacts that we export shoppers to."""
        return self.integration in EXPORTS_CONTACTS

    @property
    def contact_list(self) -> str | None:
        """Return the destination's list that was chosen for the export (ECO-04), if one was."""
        chosen = self.destination.settings.get("list_id")
        return str(chosen) if chosen else None

    def told(self, channel: Channel) -> tuple[Side, ...]:
        """Return the sides that keep a consent flag of this channel, and are told of changes."""
        return tuple(getattr(self, name) for name in self.profile(channel).told)

    @property
    def fallback_number(self) -> str | None:
        """Return the number a shopper can text STOP to when all else fails (TEA-20, TEA-23)."""
        return self.settings.fallback_number or self.first_number

    @property
    def sender_platform(self) -> str:
        """Return the platform that carries this connection's texts."""
        return self.settings.sender.platform if self.settings.sender else self.destination.platform

    def keeps_consent(self, platform: str) -> bool:
        """Whether `platform` is one of the two linked sides, which are told of consent."""
        return platform in (self.source.platform, self.destination.platform)

    def account_at(self, platform: str) -> str | None:
        """Return what tells the account used at `platform` from any other; None = there is none.

        A chosen sender's account may stand in its credentials: then their version tells.
        """
        side, sender = self.side(platform), self.settings.sender
        if side is None or sender is None or sender.platform != platform:
            return side.account_id if side else None
        return f"{sender.account_id}@{sender.base_url}#{self.secrets_version}"

    @property
    def carrier_answers_stop(self) -> bool:
        """Whether the carrier side confirms STOP and HELP itself, so that we stay silent."""
        return bool(self.settings.sender and self.settings.sender.answers_stop)

    def profile(self, channel: Channel) -> Profile:
        """Return the consent profile of one channel."""
        return profile_for(self.integration, channel)

    def side(self, platform: str) -> Side | None:
        """Return the side (or the sender) of this connection that `platform` plays, if any."""
        for side in (self.destination, self.source):
            if side.platform == platform:
                return side
        sender = self.settings.sender
        if sender is not None and sender.platform == platform:
            return Side(platform, sender.account_id, sender.base_url, sender.settings)
        return None

    def owns_number(self, number: str) -> bool:
        """Whether an inbound text to `number` was meant for this account."""
        sender = self.settings.sender
        if any(number == known for known, _ in self.text_numbers):
            return True
        return sender is not None and number in (sender.sends_from, *sender.numbers)

    def takes_any_text_of(self, platform: str) -> bool:
        """Whether a text on this platform's own webhook counts, whichever number it came to.

        A sender that is no number (a messaging service, a pool) may have numbers that nobody told
        us.
        """
        sender = self.settings.sender
        return (
            sender is not None
            and sender.platform == platform != self.destination.platform
            and not sender.is_number
        )

    def accepts_token(self, hashed: str, at: datetime) -> bool:
        """Whether a path token with this SHA-256 opens the webhook door."""
        return _matches(self.tokens, hashed, at)

    def accepts_connect_key(self, hashed: str, at: datetime) -> bool:
        """Whether a connect key with this SHA-256 opens the Connect API."""
        return _matches(self.connect_keys, hashed, at)

    def revoked(self, hashed: str, at: datetime) -> bool:
        """Whether this token or connect key is known to have ended before `at`."""
        known = (*self.tokens, *self.connect_keys)
        return any(hmac.compare_digest(s.hash, hashed) and not s.usable(at) for s in known)

    def with_secrets(self, version: int, now: datetime) -> Connection:
        """Return it with another version of its secrets; the one before counted until `now`."""
        before = ((self.secrets_version, now), *self.secrets_before)
        recent = tuple((v, until) for v, until in before if now < until + _REMEMBERED_FOR)
        return replace(self, secrets_version=version, secrets_before=recent)

    def secrets_version_at(self, at: datetime) -> int:
        """Return the version of the secrets that counted at `at`."""
        later = [(until, version) for version, until in self.secrets_before if at < until]
        return min(later)[1] if later else self.secrets_version


def _matches(secrets: tuple[HashedSecret, ...], hashed: str, at: datetime) -> bool:
    # Every secret is compared, in constant time: how long we take says nothing about which fits.
    results = [hmac.compare_digest(s.hash, hashed) and s.usable(at) for s in secrets]
    return any(results)
