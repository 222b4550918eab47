"""A merchant's own hours: what can be written, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.merchant_window import DAYS, parse_quiet_hours
from concord.domain.rule_packs.shapes import Week, Window, every_day, hours


def test_hours_of_every_day() -> None:
    """R-01: none, all the same, and a whole day."""
    assert parse_quiet_hours({}) is None
    assert parse_quiet_hours({"from": "09:00", "to": "20:00"}) == every_day(hours(9, 20))
    assert parse_quiet_hours({"from": "00:00", "to": "24:00"}) == every_day(hours(0, 24))
    assert parse_quiet_hours({"from": "09:05", "to": "09:06", "days": None}) == every_day(
        Window(545, 546)
    )


def test_hours_that_differ_by_day() -> None:
    """R-01: a day named is as it says, null is a day without texts."""
    days = {"sat": {"from": "10:00", "to": "18:00"}, "sun": None}
    week = parse_quiet_hours({"from": "09:00", "to": "20:00", "days": days})
    assert week == (*(hours(9, 20),) * 5, hours(10, 18), None)


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"from": "09:00"}, ["to"]),
        ({"to": "20:00"}, ["from"]),
        ({"days": {}}, ["from", "to"]),
        ({"from": "9:00", "to": "20:00"}, ["from"]),
        ({"from": "09:00", "to": "24:01"}, ["to"]),
        ({"from": "09:00", "to": "20:00\n"}, ["to"]),
        ({"from": "09:00", "to": "20:60"}, ["to"]),
        ({"from": 9, "to": 20}, ["from", "to"]),
        ({"from": None, "to": ["20:00"]}, ["from", "to"]),
        ({"from": "20:00", "to": "08:00"}, ["to"]),
        ({"from": "09:00", "to": "09:00"}, ["to"]),
        ({"start": "09:00", "end": "20:00"}, ["start", "end", "from", "to"]),
        ({"from": "09:00", "to": "20:00", "days": []}, []),
        ({"from": "09:00", "to": "20:00", "days": ["sun"]}, ["days"]),
        ({"from": "09:00", "to": "20:00", "days": {"sunday": None}}, ["days.sunday"]),
        ({"from": "09:00", "to": "20:00", "days": {"sun": {}}}, ["days.sun.from", "days.sun.to"]),
        ({"from": "09:00", "to": "20:00", "days": {"sun": False}}, ["days.sun"]),
        (
            {"from": "09:00", "to": "20:00", "days": {"sun": {"from": "1", "to": "20:00"}, "x": 1}},
            ["days.sun.from", "days.x"],
        ),
        (
            {
                "from": "09:00",
                "to": "20:00",
                "days": {"sun": {"from": "09:00", "to": "10:00", "a": 1}},
            },
            ["days.sun.a"],
        ),
        ({"from": "09:00", "to": "20:00", "days": dict.fromkeys(DAYS)}, ["days"]),
    ],
)
def test_each_wrong_field_is_named(settings: dict[str, Any], fields: list[str]) -> None:
    """R-01, R-27: 422 that says which field, and what to write."""
    if not fields:
        assert parse_quiet_hours(settings) == every_day(hours(9, 20))
        return
    with pytest.raises(InvalidInputError) as caught:
        parse_quiet_hours(settings)
    assert [e.field for e in caught.value.errors] == [f"quiet_hours.{name}" for name in fields]
    assert all(e.message for e in caught.value.errors)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("09:00"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["from", "to", "days", "sun", "x"]), inner, max_size=4)
    ),
)


def _parsed(settings: dict[str, Any]) -> tuple[Week | None, tuple[FieldError, ...]]:
    try:
        return parse_quiet_hours(settings), ()
    except InvalidInputError as error:
        return None, error.errors


@given(st.dictionaries(st.sampled_from(["from", "to", "days", "x"]), JSON))
def test_anything_else_is_refused_and_never_crashes(settings: dict[str, Any]) -> None:
    """R-27: a week of seven, or errors with fields."""
    week, errors = _parsed(settings)
    assert (week is None) == (settings == {} or bool(errors))
    if week is not None:
        assert len(week) == 7
        assert any(week)
