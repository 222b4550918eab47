"""What an Ecomail account keeps: lists with fields, contacts, events."""

import itertools
import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sandbox.clock import stamp
from sandbox.platforms.ecomail.bodies import Event, NewList, SubscriberData, TypedValue

SUBSCRIBED, UNSUBSCRIBED, UNCONFIRMED = 1, 2, 6
_COUNTED = {
    1: "subscribed",
    2: "unsubscribed",
    3: "soft_bounced",
    4: "hard_bounced",
    5: "complained",
    6: "unconfirmed",
}


class ApiError(Exception):
    """A refusal; the body's shape is not documented, one plug-in reads `errors`."""

    def __init__(self, status: int, **errors: str) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = {"errors": {name: [said] for name, said in errors.items()}}


@dataclass(slots=True)
class ContactList:
    """One list. `hooks` are the answers that its webhook got, newest last.

    `dated`: its contacts show since when they are subscribed, and a sign-up moves that. Both are
    inferred, so a person can switch them off.
    """

    id: int
    name: str
    from_name: str = ""
    from_email: str = ""
    reply_to: str = ""
    double_optin: bool = False
    dated: bool = True
    webhook_url: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    subscribers: dict[str, dict[str, Any]] = field(default_factory=dict)
    hooks: list[int] = field(default_factory=list)

    def view(self) -> dict[str, Any]:
        """Return the list as `GET /lists/{id}` has it."""
        counts = dict.fromkeys(["unknown", *_COUNTED.values()], 0)
        for each in self.subscribers.values():
            counts[_COUNTED.get(each["status"], "unknown")] += 1
        # An empty map of PHP is an empty list in JSON.
        fields = {key: {"type": kind, "name": key} for key, kind in self.fields.items()}
        head = {
            "id": self.id,
            "name": self.name,
            "from_name": self.from_name,
            "from_email": self.from_email,
            "reply_to": self.reply_to,
            "double_optin": self.double_optin,
            "custom_fields": fields or [],
            "groups": {},
            "segments": {},
            "active_subscribers": counts["subscribed"],
        }
        return {"list": head, "subscribers": counts}

    def put(
        self, data: SubscriberData, *, update: bool, resubscribe: bool, confirmed: bool
    ) -> tuple[dict[str, Any], bool]:
        """Add a contact or change it; return it and whether it was there."""
        email = data.email.lower()
        known = self.subscribers.get(email)
        if known is not None and not update:
            return known, True
        contact = known or {"id": next(_ids), "email": email, "inserted_at": stamp(), "status": 0}
        contact.setdefault("custom_fields", {})
        values = self._checked(data.custom_fields)
        given = data.model_dump(mode="json", exclude_unset=True, exclude={"custom_fields"})
        contact |= {name: value for name, value in given.items() if name not in ("email", "status")}
        contact["custom_fields"] |= values
        now = _status(contact["status"], data.status, resubscribe, confirmed)
        self.stands(contact, now)
        self.subscribers[email] = contact
        return contact, known is not None

    def sign_up(self, data: SubscriberData) -> None:
        """Let a person fill in the list's form; who is not subscribed may have to confirm."""
        contact, _ = self.put(data, update=True, resubscribe=False, confirmed=False)
        here = contact["status"] == SUBSCRIBED
        now = UNCONFIRMED if self.double_optin and not here else SUBSCRIBED
        self.stands(contact, now, anew=True)

    def stands(self, contact: dict[str, Any], now: int, *, anew: bool = False) -> None:
        """Let a contact stand to the list in another way, and show since when she does."""
        before, contact["status"] = contact["status"], now
        for status, name in ((SUBSCRIBED, "subscribed_at"), (UNSUBSCRIBED, "unsubscribed_at")):
            if self.dated and now == status and (anew or before != now):
                contact[name] = stamp()

    def _checked(self, given: dict[str, TypedValue]) -> dict[str, Any]:
        """Make fields nobody had, and refuse what a typed one cannot hold."""
        for key, typed in given.items():
            kind = self.fields.get(key, typed.type)
            if typed.value not in (None, "") and not _fits(kind, typed.value):
                raise ApiError(422, custom_fields=f"{key} is no {kind}")
        for key, typed in given.items():
            self.fields.setdefault(key, typed.type)
        return {key: typed.value for key, typed in given.items()}


@dataclass(slots=True)
class Ledger:
    """One account's lists and events."""

    lists: dict[int, ContactList] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def make(self, wanted: NewList) -> ContactList:
        made = ContactList(max(self.lists, default=0) + 1, **wanted.model_dump())
        self.lists[made.id] = made
        return made

    def find(self, list_id: int) -> ContactList:
        found = self.lists.get(list_id)
        if found is None:
            raise ApiError(404, list="not found")
        return found

    def knows(self, email: str) -> bool:
        return any(email.lower() in each.subscribers for each in self.lists.values())

    def tell(self, event: Event) -> dict[str, Any]:
        """Keep an event. The contact has to be in a list; nothing recognises a repeat."""
        if not self.knows(event.email):
            raise ApiError(404, email="no such subscriber")
        value = event.value if isinstance(event.value, str) else json.dumps(event.value)
        kept = {"id": next(_ids), **event.model_dump(), "value": value, "at": stamp()}
        self.events.append(kept)
        return kept


_ids = itertools.count(259_471)


def _status(now: int, given: int | None, resubscribe: bool, confirmed: bool) -> int:
    """Return the status after a write: what is given wins; who left comes back if asked for."""
    if given is not None:
        return given
    if now == 0:
        return SUBSCRIBED if confirmed else UNCONFIRMED
    return SUBSCRIBED if now == UNSUBSCRIBED and resubscribe else now


def _fits(kind: str, value: str | int | float) -> bool:
    if kind == "string":
        return True
    try:
        if kind == "int":
            return str(int(str(value))) == str(value).removeprefix("+")
        return date.fromisoformat(str(value)).isoformat() == value
    except ValueError:
        return False
