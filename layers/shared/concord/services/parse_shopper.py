"""The body of `PUT /connect/{cid}/shoppers/{shopper_id}`: what a shop says of a shopper."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from concord.domain.canonical import canonical, sha256_hex, storable
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.groups import is_group_id
from concord.domain.identity import normalise_email
from concord.domain.phone import normalise_phone
from concord.domain.times import from_rfc3339
from concord.services.parse_consent import json_object

MAX_PHONES: Final = 20
MAX_GROUPS: Final = 1000
_MAX_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class ShopperCall:
    """A shopper as her shop sent her: E.164 numbers, one address in lower case or none.

    `profile["groups"]` is None where the body says nothing of them: she keeps those that she has.
    `digest` is the same for the same body: it tells an unchanged shopper from a changed one.
    """

    profile: Mapping[str, Any] = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)
    emails: tuple[str, ...] = field(repr=False)
    digest: str


def parse_shopper(body: bytes, country: str) -> ShopperCall:
    """Return the shopper, or raise InvalidInputError that names every wrong field and its remedy.

    `country` (ISO 3166) reads national numbers. Members that we do not know are passed over, but
    count as a change. Halves of surrogate pairs are replaced, as everywhere: nothing stores them.
    """
    errors: list[FieldError] = []
    data = _storable_object(json_object(body), errors)
    profile = {
        "first_name": _text(data, "first_name", errors),
        "last_name": _text(data, "last_name", errors),
        "created_at": _moment(data, "created_at", errors),
        "groups": _groups(data, errors),
        "guest": _typed(data, "guest", bool, "give true or false", errors) or False,
        "attributes": _typed(data, "attributes", dict, "give an object", errors) or {},
    }
    phones = _texts(data, "phones", MAX_PHONES, errors)
    email = _text(data, "email", errors)
    if errors:
        raise InvalidInputError("the shopper has wrong fields", errors=tuple(errors))
    return ShopperCall(
        profile=profile,
        phones=tuple(
            normalise_phone(phone, country, f"phones[{n}]") for n, phone in enumerate(phones)
        ),
        emails=(normalise_email(email, "email"),) if email else (),
        digest=sha256_hex(canonical(data)),
    )


# --- fields ----------------------------------------------------------------------------------


def _typed[T](
    data: Mapping[str, Any], name: str, kind: type[T], remedy: str, errors: list[FieldError]
) -> T | None:
    """Return a member of the right type; None = it is absent, null or wrong."""
    value = data.get(name)
    if value is None or isinstance(value, kind):
        return value
    errors.append(FieldError(name, remedy))
    return None


def _text(data: Mapping[str, Any], name: str, errors: list[FieldError]) -> str:
    return _typed(data, name, str, "give a text", errors) or ""


def _moment(data: Mapping[str, Any], name: str, errors: list[FieldError]) -> str:
    """Return the time as it was sent, once it is one."""
    text = _text(data, name, errors)
    try:
        if text:
            from_rfc3339(text)
    except ValueError:
        errors.append(FieldError(name, "give RFC 3339, for example 2026-11-21T08:30:00Z"))
    return text


def _groups(data: Mapping[str, Any], errors: list[FieldError]) -> list[str] | None:
    if data.get("groups") is None:
        return None
    groups = _texts(data, "groups", MAX_GROUPS, errors)
    if not all(map(is_group_id, groups)):
        errors.append(FieldError("groups", "give ids of 1 to 100 characters"))
    return groups


def _texts(data: Mapping[str, Any], name: str, limit: int, errors: list[FieldError]) -> list[str]:
    remedy = "give a list of texts"
    value = _typed(data, name, list, remedy, errors) or []
    if not all(isinstance(each, str) for each in value):
        errors.append(FieldError(name, remedy))
    elif len(value) > limit:
        errors.append(FieldError(name, f"at most {limit}"))
    else:
        return value
    return []


# --- what can be stored ----------------------------------------------------------------------


class _UnstorableError(ValueError):
    """Legal for Python's JSON reader, and nothing that we could keep."""


def _storable_object(data: Mapping[str, Any], errors: list[FieldError]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in data.items():
        try:
            kept[storable(name)] = _storable(value, 1)
        except _UnstorableError as problem:
            errors.append(FieldError(storable(name), str(problem)))
    return kept


def _storable(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise _UnstorableError(f"nest objects and lists at most {_MAX_DEPTH} deep")
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _UnstorableError("give a number that JSON knows: no NaN, no Infinity, below 1e308")
    if isinstance(value, dict):
        return {storable(name): _storable(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each, depth + 1) for each in value]
    return value
