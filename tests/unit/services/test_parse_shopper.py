"""What a shop may say of a shopper, and what it hears when that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from concord.domain.errors import InvalidInputError
from concord.services.parse_shopper import parse_shopper


def _fields(body: str) -> set[str]:
    with pytest.raises(InvalidInputError) as caught:
        parse_shopper(body.encode(), "US")
    return {error.field for error in caught.value.errors}


def test_a_shopper_is_read_with_all_her_fields() -> None:
    """TEA-12: numbers as E.164, the address in lower case, the rest as it was sent."""
    body = {
        "first_name": "Ana",
        "last_name": None,
        "email": " Ana@Example.com ",
        "phones": ["(202) 555-0143"],
        "groups": ["vip"],
        "guest": True,
        "created_at": "2026-11-21T08:30:00Z",
        "attributes": {"points": 1.5, "tags": [1, {"a": None}]},
        "theirs": "passed over",
    }
    call = parse_shopper(json.dumps(body).encode(), "US")
    assert call.phones == ("+12025550143",)
    assert call.emails == ("ana@example.com",)
    assert call.profile == {
        "first_name": "Ana",
        "last_name": "",
        "created_at": "2026-11-21T08:30:00Z",
        "groups": ["vip"],
        "guest": True,
        "attributes": {"points": 1.5, "tags": [1, {"a": None}]},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guest", "false"),
        ("guest", 0),
        ("created_at", "yesterday"),
        ("created_at", "2026-11-21T08:30:00"),
        ("created_at", 20261121),
        ("attributes", "x"),
        ("attributes", [1]),
        ("first_name", 0),
        ("last_name", False),
        ("email", 7),
        ("email", "nobody"),
        ("phones", "+12025550143"),
        ("phones", [12]),
        ("phones", ["+12025550143"] * 21),
        ("groups", {"a": 1}),
        ("groups", ["g"] * 1001),
    ],
)
def test_a_wrong_field_is_named(name: str, value: Any) -> None:
    """API: validation errors list fields, and nothing is guessed."""
    assert _fields(json.dumps({"phones": [], name: value})) == {name}


def test_a_wrong_number_is_named_by_its_place() -> None:
    """API: which of the numbers."""
    assert _fields('{"phones": ["+12025550143", "12"]}') == {"phones[1]"}


def test_all_wrong_fields_are_named_at_once() -> None:
    """API: one round trip to repair them all."""
    assert _fields('{"guest": 1, "groups": 2, "attributes": {"x": NaN}}') == {
        "guest",
        "groups",
        "attributes",
    }


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['{"attributes": {"a": [%s]}}', '{"theirs": %s}'])
def test_a_number_that_json_does_not_know_is_refused(number: str, place: str) -> None:
    """API: a field error, never a 503: canonical JSON has no such number."""
    assert _fields(place % number) == {place.split('"')[1]}


def test_a_deep_body_is_refused() -> None:
    """API: hostile nesting is an error of the caller's."""
    assert _fields('{"attributes": {"a": ' + "[" * 400 + "]" * 400 + "}}") == {"attributes"}


def test_the_digest_tells_a_change_and_nothing_else() -> None:
    """Promise 5: order and spacing are no change; a member that we do not know is."""
    same = [b'{"first_name": "A", "guest": false}', b'{"guest":false,"first_name":"A"}']
    assert len({parse_shopper(body, "US").digest for body in same}) == 1
    other = parse_shopper(b'{"first_name": "A", "guest": false, "theirs": 1}', "US")
    assert other.digest != parse_shopper(same[0], "US").digest


@pytest.mark.parametrize("body", ["{}", '{"groups": null}'])
def test_groups_that_are_not_named_are_not_none(body: str) -> None:
    """TEA-07: she keeps those that she has; an empty list takes them away."""
    assert parse_shopper(body.encode(), "US").profile["groups"] is None
    assert parse_shopper(b'{"groups": []}', "US").profile["groups"] == []


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_group_has_a_name_that_fits(name: str) -> None:
    """TEA-07."""
    assert _fields(json.dumps({"groups": ["vip", name]})) == {"groups"}
