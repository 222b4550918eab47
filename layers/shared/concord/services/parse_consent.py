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
_MAX_ID: Final = 200
_MAX_TEXT: Final = 4000


@dataclass(frozen=True, slots=True)
class ConsentCall:
    """What a POS or web shop asks."""

    event_id: str
    opt_out: bool
    channel: Channel
    point: str = field(repr=False)
    via: str
    actor: str = field(repr=False, default="")
    shopper_id: str = field(repr=False, default="")
    occurred_at: datetime | None = None
    evidence: Mapping[str, str] = field(repr=False, default_factory=dict)


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

    Members that we do not know are passed over: a newer till must be able to opt people out.
    """
    data = json_object(body)
    errors: list[FieldError] = []

    def one_of(name: str, allowed: tuple[str, ...]) -> str:
        value = data.get(name)
        if value not in allowed:
            errors.append(FieldError(name, f"use one of: {', '.join(allowed)}"))
        return str(value)

    def text(name: str, limit: int, *, required: bool = False) -> str:
        value = data.get(name)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or not value.strip() or len(value) > limit:
            errors.append(FieldError(name, f"give a text of 1 to {limit} characters"))
            return ""
        return value

    event_id = text("event_id", _MAX_ID, required=True)
    action = one_of("action", ("opt_in", "opt_out"))
    channel = one_of("channel", tuple(Channel))
    point = text("point", 254, required=True)
    via = one_of("via", VIAS)
    actor, shopper_id = text("actor", _MAX_ID), text("shopper_id", _MAX_ID)
    occurred_at = _moment(data.get("occurred_at"), errors)
    evidence = _evidence(data.get("evidence"), errors)
    if errors:
        raise InvalidInputError("the request has wrong fields", errors=tuple(errors))
    return ConsentCall(
        event_id=event_id,
        opt_out=action == "opt_out",
        channel=Channel(channel),
        point=point,
        via=via,
        actor=actor,
        shopper_id=shopper_id,
        occurred_at=occurred_at,
        evidence=evidence,
    )


def _moment(value: object, errors: list[FieldError]) -> datetime | None:
    if value is None:
        return None
    try:
        return from_rfc3339(str(value))
    except (ValueError, OverflowError):
        errors.append(FieldError("occurred_at", "give RFC 3339, for example 2026-11-21T08:30:00Z"))
        return None


def _evidence(value: object, errors: list[FieldError]) -> dict[str, str]:
    if value is None:
        return {}
    names = ("text", "ip", "user_agent")
    if not isinstance(value, dict) or not all(
        isinstance(value.get(n, ""), str) and len(value.get(n, "")) <= _MAX_TEXT for n in names
    ):
        errors.append(FieldError("evidence", "give an object of texts: text, ip, user_agent"))
        return {}
    return {name: value[name] for name in names if value.get(name)}
