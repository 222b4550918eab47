"""Ecomail's REST API: lists, fields, contacts, events."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

from concord.domain.contacts import (
    Contact,
    ContactList,
    FieldKind,
    FieldValue,
    NewList,
    Subscriber,
    SubscriberStatus,
    TrackerEvent,
    kind_of,
    spelled,
)
from concord.domain.errors import CredentialsRejectedError, PermanentError, PlatformError
from concord.domain.outbound import AccountFacts, ConsentPush, Endpoint
from concord.platforms.base import Http
from concord.platforms.calls import Refusal, exchange, read
from concord.platforms.ecomail.codes import (
    KEY_HINT,
    STATUSES,
    SUBSCRIBED,
    UNSUBSCRIBED,
    earliest,
    of_event,
    refusal,
)
from concord.platforms.ecomail.payloads import (
    BulkAnswer,
    ListAnswer,
    ListEntry,
    ListFeed,
    SubscribeAnswer,
    SubscriberAnswer,
    UpdateAnswer,
)

MAX_BULK: Final = 3_000  # what is beyond is ignored, and nothing says so
MAX_VALUE: Final = 20_000  # characters of an event's value, as JSON
# Fields come into being with a contact that has them: this one, who gets no mail and is removed.
FIELD_CONTACT: Final = "concord-fields@example.com"
# Nobody is subscribed again who left, and nothing is set off by what we write.
_QUIET: Final = {
    "update_existing": True,
    "resubscribe": False,
    "trigger_autoresponders": False,
}


class EcomailClient:
    """ContactPeer, ConsentPeer and AccountChecker of one Ecomail account."""

    def __init__(self, endpoint: Endpoint, http: Http) -> None:
        self._client = http.client(endpoint.base_url)
        self._headers = {"key": endpoint.credentials.get("api_key", "")}
        given = endpoint.settings.get("field_contact")
        self._field_contact = given if isinstance(given, str) and given else FIELD_CONTACT
        self._list_id = str(endpoint.settings.get("list_id") or "")
        # A list with double opt-in mails everybody who is added, unless told that it is done.
        self._skip_confirmation = endpoint.settings.get("skip_confirmation") is not False

    def check(self) -> AccountFacts:
        """Ask for the lists: the cheapest call that needs a good key (ECO-03)."""
        self.lists()
        return AccountFacts()

    def lists(self) -> tuple[ContactList, ...]:
        """Return every list of the account (ECO-04)."""
        found = read(self._call("GET", "/lists"), ListFeed)
        return tuple(ContactList(each.id, each.name or each.id) for each in found.root)

    def make_list(self, wanted: NewList) -> ContactList:
        """Make a list. Twice makes two, so a lost answer is an unknown outcome."""
        body = {
            "name": wanted.name,
            "from_name": wanted.from_name,
            "from_email": wanted.from_email,
            "reply_to": wanted.reply_to or wanted.from_email,
        }
        made = read(self._call("POST", "/lists", body, sends=True), ListEntry, sends=True)
        return ContactList(made.id, made.name or wanted.name)

    def ensure_fields(self, list_id: str, fields: Mapping[str, FieldKind]) -> int:
        """Make the missing fields, by a contact that has them all and is removed again (ECO-05).

        That a field comes into being so, and outlives the contact, is inferred (README), hence the
        second look.
        """
        wanted = {_key(key): kind for key, kind in fields.items()}
        missing = wanted.keys() - self._fields_of(list_id)
        if not missing:
            return 0
        technical = {
            "email": self._field_contact,
            "status": UNSUBSCRIBED,
            "custom_fields": {
                key: {"value": "", "type": wanted[key].value} for key in sorted(missing)
            },
        }
        self._subscribe(list_id, technical)
        # It gets no mail in any case: whether it goes decides nothing.
        with contextlib.suppress(PlatformError):
            self._call("DELETE", f"/subscribers/{quote(self._field_contact, safe='')}/delete")
        if missing - self._fields_of(list_id):
            raise PermanentError("the list still lacks fields", reason="fields_not_made")
        return len(missing)

    def upsert(self, list_id: str, contact: Contact) -> bool:
        """Add or change a contact. Ecomail fires its list webhook for this: an echo of ours."""
        answer = self._subscribe(list_id, _subscriber_data(contact))
        return not read(answer, SubscribeAnswer).already_subscribed

    def update(self, list_id: str, contact: Contact) -> bool:
        """Change a contact. Ecomail fires nothing for this, as far as they say (README)."""
        data = _subscriber_data(contact)
        body = {"email": data.pop("email"), "subscriber_data": data}
        try:
            read(self._call("PUT", f"{_list_path(list_id)}/update-subscriber", body), UpdateAnswer)
        except PermanentError as error:
            if error.reason == "not_found":
                return False
            raise
        return True

    def upsert_many(self, list_id: str, contacts: Sequence[Contact]) -> int:
        """Add or change contacts, at most MAX_BULK with a call."""
        new = 0
        for start in range(0, len(contacts), MAX_BULK):
            part = [_subscriber_data(each) for each in contacts[start : start + MAX_BULK]]
            body = {"subscriber_data": part, **_QUIET}
            path = f"{_list_path(list_id)}/subscribe-bulk"
            new += read(self._call("POST", path, body), BulkAnswer).inserts
        return new

    def subscriber(self, list_id: str, email: str) -> Subscriber | None:
        """Return a contact of the list. The address stands in the path: their contract has it so.

        None also for a list that is not there: their 404 does not tell which it means.
        """
        path = f"{_list_path(list_id)}/subscriber/{quote(email, safe='')}"
        try:
            found = read(self._call("GET", path), SubscriberAnswer).subscriber
        except PermanentError as error:
            if error.reason == "not_found":
                return None
            raise
        status = STATUSES.get(found.status or 0, SubscriberStatus.UNKNOWN)
        shown = {_key(key): _shown(value) for key, value in found.custom_fields.items()}
        return Subscriber(found.email, status, shown, earliest(found.subscribed_at))

    def set_consent(self, push: ConsentPush) -> bool:
        """Subscribe an address to the chosen list, or take it off; False = it is not in the list.

        The one call that subscribes again who left: she said so herself, to us.
        """
        if not self._list_id:
            raise PermanentError("no list is chosen", reason="no_list")
        if push.opted_in:
            data = {"email": push.point, "status": SUBSCRIBED}
            self._subscribe(self._list_id, data, resubscribe=True)
            return True
        try:
            path = f"{_list_path(self._list_id)}/unsubscribe"
            self._call("DELETE", path, {"email": push.point})
        except PermanentError as error:
            if error.reason == "not_found":
                return False
            raise
        return True

    def emit(self, event: TrackerEvent) -> None:
        """Tell an event (ECO-06). They keep no event id, so a lost answer is an unknown outcome."""
        value = event.value if isinstance(event.value, str) else dict(event.value)
        if len(value if isinstance(value, str) else json.dumps(value)) > MAX_VALUE:
            raise PermanentError("an event's value is too long", reason="value_too_long")
        body = {
            "event": {
                "email": event.email,
                "category": event.category,
                "action": event.action,
                "label": event.label,
                "property": event.property,
                "value": value,
            }
        }
        self._call("POST", "/tracker/events", body, sends=True, refusal=of_event)

    # --- calls ----------------------------------------------------------------------------------

    def _subscribe(
        self, list_id: str, data: Mapping[str, Any], *, resubscribe: bool = False
    ) -> httpx.Response:
        body = {
            "subscriber_data": data,
            **_QUIET,
            "resubscribe": resubscribe,
            "trigger_notification": False,
            "skip_confirmation": self._skip_confirmation,
        }
        return self._call("POST", f"{_list_path(list_id)}/subscribe", body)

    def _fields_of(self, list_id: str) -> frozenset[str]:
        found = read(self._call("GET", _list_path(list_id)), ListAnswer)
        return frozenset(_key(key) for key in found.list.custom_fields)

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        sends: bool = False,
        refusal: Refusal = refusal,
    ) -> httpx.Response:
        given = {} if body is None else {"json": body}
        try:
            return exchange(
                self._client,
                method,
                path,
                sends=sends,
                refusal=refusal,
                headers=self._headers,
                **given,
            )
        except CredentialsRejectedError:
            raise CredentialsRejectedError(KEY_HINT) from None


def _list_path(list_id: str) -> str:
    return f"/lists/{quote(list_id, safe='')}"


def _key(key: str) -> str:
    """Return a field's key as Ecomail keeps it."""
    return key.strip().lower()


def _subscriber_data(contact: Contact) -> dict[str, Any]:
    """Return a contact as they take it. No status: that would undo what she chose herself."""
    named = {"name": contact.first_name, "surname": contact.last_name, "phone": contact.phone}
    fields = {_key(key): _typed(key, value) for key, value in contact.fields.items()}
    if len(fields) != len(contact.fields):
        raise PermanentError("two fields differ in case only", reason="duplicate_field")
    data: dict[str, Any] = {name: value for name, value in named.items() if value}
    return {"email": contact.email, **data, **({"custom_fields": fields} if fields else {})}


def _typed(key: str, value: FieldValue) -> dict[str, object]:
    """Return a value with its type, so that a field somebody removed comes back as it was."""
    return {
        "value": value if isinstance(value, int) else spelled(value),
        "type": kind_of(key, value).value,
    }


def _shown(value: object) -> str:
    """Return a field's value as text, whichever way they show it."""
    found = value.get("value") if isinstance(value, Mapping) else value
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return "" if found is None else str(found)
