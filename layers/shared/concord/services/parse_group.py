"""The body of `PUT /connect/{cid}/groups/{group_id}`: a group's name, and perhaps its members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from concord.domain.canonical import storable
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.groups import is_group_id
from concord.services.parse_consent import json_object

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class GroupCall:
    """A group as the shop names it. `shopper_ids` are all its members, each once; None = the call
    says nothing of them."""

    name: str
    shopper_ids: tuple[str, ...] | None = field(repr=False)


def parse_group(body: bytes) -> GroupCall:
    """Return the group, or raise InvalidInputError that names every wrong field and its remedy."""
    data = json_object(body)
    errors: list[FieldError] = []
    name = data.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST:
        errors.append(FieldError("name", f"give a text of 1 to {_LONGEST} characters"))
    ids = data.get("shopper_ids")
    if ids is not None and not _are_ids(ids):
        errors.append(FieldError("shopper_ids", "give a list of the shop's own ids, as texts"))
    if errors:
        raise InvalidInputError("the group has wrong fields", errors=tuple(errors))
    return GroupCall(
        name=storable(str(name).strip()),
        shopper_ids=None if ids is None else tuple(dict.fromkeys(ids)),
    )


def checked_group_id(group_id: str) -> str:
    """Return the id in the path. Raises InvalidInputError."""
    if not is_group_id(group_id):
        message = "use 1 to 100 characters"
        raise InvalidInputError("no such id", errors=(FieldError("group_id", message),))
    return group_id


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)
