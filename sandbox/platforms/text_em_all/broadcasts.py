"""Text-Em-All's broadcasts: one text to a list of contacts, the opted-out ones left out."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, StrictBool, StrictInt, field_validator

from sandbox.accounts import Account, ReceiptOptions, Seed
from sandbox.clock import now, stamp
from sandbox.handsets import Text
from sandbox.phones import to_e164
from sandbox.platforms.text_em_all.store import ApiError, Ledger, require_digits

_OPTED_OUT = "opted_out"  # ours, as their delivery reports are


class BroadcastContact(Seed):
    PrimaryPhone: str
    FirstName: str | None = None
    LastName: str | None = None
    Notes: str | None = None

    _digits = field_validator("PrimaryPhone")(require_digits)


class NewBroadcast(Seed):
    """Body of `POST /broadcasts`, as far as it is about texts to contacts that it names."""

    BroadcastName: str = Field(min_length=1, max_length=255)
    BroadcastType: Literal["SMS"]
    TextMessage: str = Field(min_length=1)
    Contacts: list[BroadcastContact] = Field(min_length=1)
    TextNumberID: StrictInt | None = None
    StartDate: str | None = None
    PrimaryPhoneNumbersOnly: StrictBool = False
    CheckCallingWindow: StrictBool = False
    ContinueOnNextDay: StrictBool = False
    MaxMessageLength: StrictInt | None = None
    IntegrationData: str | None = Field(default=None, max_length=255)


@dataclass(slots=True)
class Broadcast:
    """A broadcast: `reached` are the numbers that it texts, `left_out` those that opted out."""

    broadcast_id: int
    account_id: str
    wanted: NewBroadcast
    number_id: int
    reached: list[str]
    left_out: list[str]
    created: datetime = field(default_factory=now)
    texts: list[Text] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.wanted.BroadcastName

    def view(self, base: str) -> dict[str, Any]:
        """Return it as the platform shows it now: `TotalCompleted` grows while texts leave."""
        sent = sum(text.at <= now() for text in self.texts)
        done = sent == len(self.texts)
        return {
            "Uri": f"{base}/{self.broadcast_id}",
            "UriBroadcastDetails": f"{base}/{self.broadcast_id}/details",
            "BroadcastID": self.broadcast_id,
            "BroadcastName": self.name,
            "BroadcastType": self.wanted.BroadcastType,
            "BroadcastStatus": "Completed" if done else "InProgress",
            "BroadcastStatusCategory": "Completed" if done else "Active",
            "CreatedDate": _spelled(self.created),
            "StartDate": self.wanted.StartDate or _spelled(self.created),
            "CompletedDate": _spelled(max(text.at for text in self.texts)) if done else None,
            "TextNumberID": self.number_id,
            "TextMessage": self.wanted.TextMessage,
            "IntegrationData": self.wanted.IntegrationData,
            "PhoneNumberCount": len(self.reached),
            "TotalCompleted": sent,
        }


class Broadcasts:
    """The broadcasts of every account, oldest first. The same name twice is two broadcasts."""

    def __init__(self) -> None:
        self._made: dict[str, list[Broadcast]] = defaultdict(list)
        self._ids = itertools.count(700001)

    def of(self, account: Account) -> list[Broadcast]:
        return self._made[account.account_id]

    def open(self, account: Account, wanted: NewBroadcast, ledger: Ledger) -> Broadcast:
        """Make a broadcast to those who did not opt out, or raise ApiError 3005."""
        numbers = [to_e164(contact.PrimaryPhone) for contact in wanted.Contacts]
        left_out = [number for number in numbers if ledger.blocks(number)]
        reached = [number for number in numbers if not ledger.blocks(number)]
        if not reached:
            message = "There are no valid contacts to send this broadcast to"
            raise ApiError(400, 3005, "NoValidBroadcastContacts", message)
        number_id = wanted.TextNumberID or min(account.number_ids.values())
        made = Broadcast(next(self._ids), account.account_id, wanted, number_id, reached, left_out)
        self.of(account).append(made)
        return made

    def named(self, name: str) -> Broadcast | None:
        """Return the newest broadcast of this name."""
        every = [each for made in self._made.values() for each in made if each.name == name]
        return every[-1] if every else None

    def clear(self) -> None:
        self._made.clear()


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of one text; `text` None = there was none, because its receiver opted out."""

    reference: str
    message_id: int
    to: str
    text: Text | None

    def events(self, options: ReceiptOptions) -> list[dict[str, Any]]:
        """Return our neutral delivery events, in order."""
        code = options.fail_numbers.get(self.to)
        if self.text is None or self.text.withdrawn:
            return [self._event("failed", _OPTED_OUT)]
        return [self._event("sent"), self._event("failed" if code else "delivered", code)]

    def _event(self, status: str, code: str | None = None) -> dict[str, Any]:
        return {
            "type": "delivery",
            "id": f"dl_{self.message_id}_{self.to.removeprefix('+')}_{status}",
            "reference": self.reference,
            "message_id": str(self.message_id),
            "to": self.to,
            "status": status,
            "code": code,
            "at": stamp(self.text.at if self.text else None),
        }


def _spelled(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S%z")
