"""The body of `POST /connect/{cid}/consents`: parsed with the standard library, errors by field.

No validation library here: this is the path on which a cashier waits, and WebhookRescue reads the
same bytes again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.identity import Channel
from concord.domain.times import from_rfc3339

VIAS: Final = ("web_cart", "pos", "web_office", "account", "checkout")
_OPERATOR_VIAS: Final = frozenset({"pos", "web_office"})
_EVIDENCE: Final = ("text", "ip", "user_agent")
_MAX_ID: Final = 200
_MAX_POINT: Final = 254
_MAX_TEXT: Final = 4000


@dataclass(frozen=True, slots=True)
class ConsentCall:
    """What a POS or web shop asks. `unusable` names optional fields that an opt-out came with."""

    event_id: str
    opt_out: bool
    channel: Channel
    point: str = field(repr=False)
    via: str
    actor: str = field(repr=False, default="")
    shopper_id: str = field(repr=False, default="")
    occurred_at: datetime | None = None
    evidence: Mapping[str, str] = field(repr=False, default_factory=dict)
    unusable: tuple[str, ...] = ()


def audience(via: str) -> str:
    """Return who reads the answer: the shopper, or somebody at a till or desk (TEA-20, 21)."""
    return "operator" if via in _OPERATOR_VIAS else "shopper"


def json_object(body: bytes) -> dict[str, Any]:
    """Return the body as a JSON object. Raises InvalidInputError."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidInputError(
            "the body is not a JSON object",
            errors=(FieldError("body", "send a JSON object with Content-Type application/json"),),
        )
    return value


def parse_consent_call(body: bytes) -> ConsentCall:
    """Return the call, or raise InvalidInputError that names every wrong field and its remedy.

    Members that we do not know are passed over: a newer till must be able to opt people out. What
    is optional may be absent, null or empty. An opt-out is never refused for the sake of it: what
    cannot be used is left out, and `unusable` names it.
    """
    fields = _Fields(json_object(body))
    event_id = fields.required_text("event_id", _MAX_ID)
    action = fields.one_of("action", ("opt_in", "opt_out"))
    channel = fields.one_of("channel", tuple(Channel))
    point = fields.required_text("point", _MAX_POINT)
    via = fields.one_of("via", VIAS)
    actor = fields.text("actor", _MAX_ID)
    shopper_id = fields.text("shopper_id", _MAX_ID)
    occurred_at = fields.moment("occurred_at")
    evidence = fields.texts("evidence", _EVIDENCE, _MAX_TEXT)
    opt_out = action == "opt_out"
    errors = fields.wrong if opt_out else [*fields.wrong, *fields.unusable]
    if errors:
        raise InvalidInputError("the request has wrong fields", errors=tuple(errors))
    return ConsentCall(
        event_id=event_id,
        opt_out=opt_out,
        channel=Channel(channel),
        point=point,
        via=via,
        actor=actor,
        shopper_id=shopper_id,
        occurred_at=occurred_at,
        evidence=evidence,
        unusable=tuple(error.field for error in fields.unusable),
    )


class _Fields:
    """Reads the members of a body: `wrong` is what must be there, `unusable` what may be."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.wrong: list[FieldError] = []
        self.unusable: list[FieldError] = []

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._data.get(name)
        if value not in allowed:
            self.wrong.append(FieldError(name, f"use one of: {', '.join(allowed)}"))
        return str(value)

    def required_text(self, name: str, limit: int) -> str:
        value = self._data.get(name)
        if _is_absent(value) or not _is_text(value, limit):
            self.wrong.append(_not_a_text(name, limit))
            return ""
        return str(value)

    def text(self, name: str, limit: int) -> str:
        return self._optional_text(name, self._data.get(name), limit)

    def texts(self, name: str, members: tuple[str, ...], limit: int) -> dict[str, str]:
        value = self._data.get(name)
        if _is_absent(value):
            return {}
        if not isinstance(value, dict):
            message = f"give an object of texts: {', '.join(members)}"
            self.unusable.append(FieldError(name, message))
            return {}
        read = {
            each: self._optional_text(f"{name}.{each}", value.get(each), limit) for each in members
        }
        return {each: text for each, text in read.items() if text}

    def moment(self, name: str) -> datetime | None:
        value = self._data.get(name)
        if _is_absent(value):
            return None
        try:
            return from_rfc3339(str(value))
        except (ValueError, OverflowError):
            message = "give RFC 3339, for example 2026-11-21T08:30:00Z"
            self.unusable.append(FieldError(name, message))
            return None

    def _optional_text(self, name: str, value: object, limit: int) -> str:
        if _is_absent(value):
            return ""
        if not _is_text(value, limit):
            self.unusable.append(_not_a_text(name, limit))
            return ""
        return str(value)


def _is_absent(value: object) -> bool:
    """Whether nothing was said: carts send what they do not have as null or as an empty text."""
    return value is None or (isinstance(value, str) and not value.strip())


def _is_text(value: object, limit: int) -> bool:
    """Whether it can be stored: JSON may spell half a surrogate pair, which no UTF-8 can hold."""
    if not isinstance(value, str) or len(value) > limit:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_a_text(name: str, limit: int) -> FieldError:
    return FieldError(name, f"give a text of 1 to {limit} characters")
