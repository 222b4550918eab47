"""The body of a Connect call: an opt-out is never refused for the sake of an optional field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.errors import InvalidInputError
from concord.services.parse_consent import ConsentCall, parse_consent_call

REQUIRED = {"event_id": "e-1", "channel": "sms", "point": "+14155550100", "via": "web_cart"}
GOOD = {
    "actor": "cashier 7",
    "shopper_id": "s-1",
    "occurred_at": "2026-11-21T08:30:00Z",
    "evidence.text": "[x] no more texts",
    "evidence.ip": "192.0.2.1",
    "evidence.user_agent": "cart/1",
}
OPTIONAL = [*GOOD, "evidence"]
ABSENT = [None, "", "  "]
UNUSABLE = [4711, 0, True, False, [], ["x"], {"a": {}}, "x" * 5000, "\ud800"]


def _body(action: str, /, **fields: Any) -> bytes:
    """Return a body; a dotted name is a member of an object."""
    data: dict[str, Any] = {"action": action, **REQUIRED}
    for name, value in fields.items():
        outer, _, inner = name.partition(".")
        if inner:
            data.setdefault(outer, {})[inner] = value
        else:
            data[outer] = value
    return json.dumps(data).encode()


def _read(call: ConsentCall) -> dict[str, Any]:
    found = {name: getattr(call, name) for name in ("actor", "shopper_id", "occurred_at")}
    return found | {f"evidence.{name}": call.evidence.get(name, "") for name in _MEMBERS}


_MEMBERS = ("text", "ip", "user_agent")


def _wrong(name: str, value: Any) -> bool:
    """Whether `value` is no use in the field; an object without known members says nothing."""
    return not (name == "evidence" and isinstance(value, dict))


@pytest.mark.parametrize("action", ["opt_in", "opt_out"])
@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("value", ABSENT)
def test_null_and_empty_are_absent(action: str, name: str, value: str | None) -> None:
    """TEA-19, TEA-23: a cart that sends what it does not have as null or "" is a good cart."""
    call = parse_consent_call(_body(action, **{name: value}))
    assert call == parse_consent_call(_body(action))
    assert call.unusable == ()


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("value", UNUSABLE, ids=lambda value: repr(value)[:20])
def test_an_opt_out_goes_without_what_cannot_be_used(name: str, value: Any) -> None:
    """TEA-19: the field is left out and named; everything else of the call is kept."""
    others = {each: good for each, good in GOOD.items() if not each.startswith(name)}
    call = parse_consent_call(_body("opt_out", **{**others, name: value}))
    assert call.opt_out
    assert call.unusable == ((name,) if _wrong(name, value) else ())
    whole = _read(parse_consent_call(_body("opt_out", **GOOD)))
    left = {each: found for each, found in _read(call).items() if found}
    assert left == {each: whole[each] for each in others}


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("value", UNUSABLE, ids=lambda value: repr(value)[:20])
def test_an_opt_in_stays_strict(name: str, value: Any) -> None:
    """TEA-23: what opts somebody in has to be right, and each wrong field is named."""
    body = _body("opt_in", **{name: value})
    if not _wrong(name, value):
        assert parse_consent_call(body).unusable == ()
        return
    with pytest.raises(InvalidInputError) as refused:
        parse_consent_call(body)
    assert [error.field for error in refused.value.errors] == [name]


@pytest.mark.parametrize("name", [*REQUIRED, "action"])
@pytest.mark.parametrize("value", [*ABSENT, *UNUSABLE], ids=lambda value: repr(value)[:20])
def test_what_is_required_is_required_of_an_opt_out_too(name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_consent_call(_body("opt_out", **{name: value}))
    assert name in [error.field for error in refused.value.errors]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(fields=st.dictionaries(st.sampled_from([*OPTIONAL[:3], "evidence", "more"]), _JSON))
def test_no_optional_field_can_refuse_an_opt_out(fields: dict[str, Any]) -> None:
    """TEA-19: whatever stands in them; and what is kept can be stored."""
    call = parse_consent_call(_body("opt_out", **fields))
    assert call.opt_out
    for text in (call.actor, call.shopper_id, *call.evidence.values(), *call.unusable):
        assert isinstance(text, str)
        assert text.encode("utf-8", "strict").decode() == text
