"""Contacts of an e-mail platform: what we write there, what we read back, and what we tell.

What is personal stays out of every repr: a repr ends in a log sooner or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

type FieldValue = str | int | date | None
"""A contact field's value; None = nothing: what stood there is cleared."""


class FieldKind(StrEnum):
    """What a contact field holds."""

    STRING = "string"
    INT = "int"
    DATE = "date"


# What a customer's contact shows of her points (ECO-05): their help page fixes the keys, the kinds
# follow from the names. A shop's own fields stand beside these and are never touched.
ELLITY_FIELDS: Final[Mapping[str, FieldKind]] = {
    "ellity_credit": FieldKind.STRING,
    "ellity_credit_num": FieldKind.INT,
    "ellity_pin": FieldKind.STRING,
    "ellity_registered": FieldKind.STRING,
    "ellity_next_expiration_date": FieldKind.DATE,
    "ellity_next_expiration_value": FieldKind.STRING,
    "ellity_next_expiration_value_num": FieldKind.INT,
    "ellity_last_change_date": FieldKind.DATE,
    "ellity_last_change_value": FieldKind.STRING,
    "ellity_referral_code": FieldKind.STRING,
    "ellity_referral_link": FieldKind.STRING,
}


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer as she is to stand in a list. "" = we do not know it: theirs stays.

    `fields` are contact fields by key; those that are not named stay as they are.
    """

    email: str = field(repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    fields: Mapping[str, FieldValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ContactList:
    """A list of contacts, by the platform's own id."""

    list_id: str
    name: str


@dataclass(frozen=True, slots=True)
class NewList:
    """A list to be made: its name, and whom its mails come from."""

    name: str
    from_name: str
    from_email: str = field(repr=False)
    reply_to: str = field(default="", repr=False)


class SubscriberStatus(StrEnum):
    """How a contact stands to a list; `unknown` = a number that their documents do not have."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    UNCONFIRMED = "unconfirmed"
    SOFT_BOUNCED = "soft_bounced"
    HARD_BOUNCED = "hard_bounced"
    COMPLAINED = "complained"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A contact as the platform shows it: keys in lower case, values as `spelled`.

    `subscribed_at` is the earliest moment (UTC) that its word of when she was subscribed may mean;
    None = it says nothing.
    """

    email: str = field(repr=False)
    status: SubscriberStatus
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    subscribed_at: datetime | None = None

    def shows(self, wanted: Mapping[str, FieldValue]) -> bool:
        """Whether every one of these fields stands there (ECO-10: asked before an event goes)."""
        return all(self._shows(key.strip().lower(), value) for key, value in wanted.items())

    def _shows(self, key: str, value: FieldValue) -> bool:
        shown = self.fields.get(key, "")
        # A date may come back with a time of day behind it.
        return (shown[:10] if isinstance(value, date) else shown) == spelled(value)


@dataclass(frozen=True, slots=True)
class TrackerEvent:
    """Something that automations of the platform can start on. Its data is in no campaign."""

    email: str = field(repr=False)
    category: str
    action: str
    label: str
    property: str = ""
    value: Mapping[str, object] | str = field(default="", repr=False)


def spelled(value: FieldValue) -> str:
    """Return a field's value as text: a date as YYYY-MM-DD, nothing as ""."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def kind_of(key: str, value: FieldValue) -> FieldKind:
    """Return what the field of this key holds: as our table has it, else as the value is."""
    known = ELLITY_FIELDS.get(key.strip().lower())
    if known is not None:
        return known
    if isinstance(value, date):
        return FieldKind.DATE
    return FieldKind.INT if isinstance(value, int) else FieldKind.STRING


# The events (ECO-06): category and action are fixed, `property` names the field that changed.
_CATEGORY: Final = "ellity"
_ACTION: Final = "change"


def credit_changed(email: str, balance: int, delta: int) -> TrackerEvent:
    """Return the event of a balance that changed by `delta` points (ECO-07)."""
    value = {"credits": balance, "change": delta}
    return TrackerEvent(email, _CATEGORY, _ACTION, "credit", "ellity_credit", value)


def credits_expire(email: str, points: int, expires_on: date) -> TrackerEvent:
    """Return the event of points that expire at the end of a local day (ECO-08, ECO-16)."""
    value = {"credits": points, "expires_on": expires_on.isoformat()}
    return TrackerEvent(email, _CATEGORY, _ACTION, "expiry", "ellity_next_expiration_value", value)


def pin_changed(email: str) -> TrackerEvent:
    """Return the event of a PIN that changed (ECO-09). The PIN itself stands in its field alone."""
    return TrackerEvent(email, _CATEGORY, _ACTION, "pin", "ellity_pin")
