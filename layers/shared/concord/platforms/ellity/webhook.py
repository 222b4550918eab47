"""Ellity's outgoing webhook: a body that the merchant wrote, with Ellity's values filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from concord.domain.events import (
    CreditChanged,
    ParsedWebhook,
    RawRequest,
    UnparseableError,
)
from concord.platforms.checked import MAX_ID, Fields, name_map, read_object, safe_type
from concord.platforms.secret_url import SecretUrlWebhook

# Ours -> theirs, as our template spells them (README). `event_id` has no variable of theirs.
FIELDS: Final[Mapping[str, str]] = {
    "event": "event",
    "event_id": "event_id",
    "customer_id": "id",
    "email": "email",
    "credit": "credit",
    "delta": "delta",
}
# Digits, maybe in groups, maybe with decimals of nothing: points are whole (rules.md).
_POINTS: Final = re.compile(
    r"([+-]?)([0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+|[0-9]{1,15})(?:[.,]0{1,2})?"
)
_MAX_EMAIL: Final = 320


def _credit(fields: Fields) -> CreditChanged:
    customer, email = fields.optional("customer_id", MAX_ID), fields.optional("email", _MAX_EMAIL)
    if customer is None and email is None:
        raise UnparseableError("neither 'customer_id' nor 'email' is there")
    credit = _points(fields, "credit")
    if credit is None:
        raise UnparseableError("field 'credit' is missing")
    return CreditChanged(
        event_id=fields.optional("event_id", MAX_ID),
        customer_id=customer,
        email=email,
        credit=credit,
        delta=_points(fields, "delta"),
    )


EVENTS: Final[Mapping[str, Callable[[Fields], CreditChanged]]] = {"credit": _credit}
IGNORED: Final = frozenset({"tier"})  # a VIP tier changed: the points did not


class EllityWebhook(SecretUrlWebhook):
    """WebhookAdapter of Ellity."""

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook:
        """Return the one event of a filled-in template. Raises UnparseableError."""
        names = {**FIELDS, **name_map(settings, "fields")}
        fields = Fields(read_object(request.body), names)
        theirs = fields.text("event", MAX_ID)
        named = name_map(settings, "types").get(theirs)
        ours = named if isinstance(named, str) else theirs
        if ours in IGNORED:
            return ParsedWebhook()
        read = EVENTS.get(ours)
        if read is None:
            return ParsedWebhook(unknown_type=safe_type(theirs))
        event = read(fields)
        return ParsedWebhook((event,), event.event_id or "")


def _points(fields: Fields, name: str) -> int | None:
    """Return whole points; None = the variable was not there, which leaves an empty text."""
    value = fields.raw(name)
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return int(value)
    text = (fields.optional(name, MAX_ID) or "").strip()
    if not text:
        return None
    found = _POINTS.fullmatch(text)
    if found is None:
        raise UnparseableError(f"field '{name}' is not a whole number of points")
    return int(found[1] + re.sub(r"[^0-9]", "", found[2]))


WEBHOOK: Final = EllityWebhook()
