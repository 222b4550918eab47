"""What is handed to a platform, and what it says to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything an adapter needs to reach one account."""

    account_id: str
    base_url: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutboundText:
    """A text to hand over. `reference` is ours and comes back with receipts and look-ups."""

    to: str = field(repr=False)
    body: str = field(repr=False)
    reference: str
    sends_from: str
    sends_from_id: str
    receipt_url: str | None = field(default=None, repr=False)
    attempted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BulkText:
    """One text to many, handed over in one call. `recipients` are (place within the slice, E.164);
    `reference` names the call: the platform can be asked for it before it is made again."""

    recipients: tuple[tuple[int, str], ...] = field(repr=False)
    body: str = field(repr=False)
    reference: str
    sends_from: str
    sends_from_id: str
    receipt_url: str | None = field(default=None, repr=False)
    attempted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BulkHandedOver:
    """The platform took the call. `refused` are the places that it said it will not text, each with
    a stable word (`opted_out_at_carrier`, `invalid_number`, `refused`)."""

    message_id: str
    refused: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The platform took the text."""

    message_id: str


@dataclass(frozen=True, slots=True)
class ConsentPush:
    """The state of one point as the other side should show it."""

    point: str = field(repr=False)
    channel: str
    opted_in: bool
    changed_at: datetime
    idempotency_key: str
    shopper_ids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What a live check brought: the account's text numbers, oldest first, as (number, id)."""

    text_numbers: tuple[tuple[str, str], ...] = ()
