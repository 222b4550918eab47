"""What a group is called, who may be texted, where she lives, and what she contributes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.consent_record import ConsentRecord
from concord.domain.groups import (
    GROUP_SHARDS,
    group_key,
    is_group_id,
    joined_regions,
    read_group_key,
    region_of,
    regions_in,
    shard_of_point,
    shard_of_shopper,
    textable,
)
from concord.domain.marks import Basis, Marks, SoftMark
from concord.domain.regroup import Act, Change, NumberRow, changes, row_after, shares_of
from tests.support.builders import CONNECTION, NOW, POINT, at, consent_key, shopper


@given(st.text(min_size=1, max_size=100))
def test_any_name_that_is_taken_comes_back_from_its_key(name: str) -> None:
    """TEA-07: a shop calls its groups what it likes; no key holds a `#` of hers."""
    if is_group_id(name):
        key = group_key(name)
        assert read_group_key(key) == name
        assert "#" not in key
        assert len(key) <= 900


@pytest.mark.parametrize("name", ["", "x" * 101, "\U0001f600" * 100])
def test_a_name_that_no_key_could_hold_is_refused(name: str) -> None:
    assert not is_group_id(name)


def test_shards_are_ranges_in_order() -> None:
    """Reliability 33: shard after shard yields the order of ids."""
    digits = "0123456789abcdef"
    points = [shard_of_point(f"v1.{digit}{'0' * 63}") for digit in digits]
    assert points == sorted(points)
    assert set(points) == set(range(GROUP_SHARDS))
    assert points == [shard_of_shopper(digit * 32) for digit in digits]


@pytest.mark.parametrize(
    ("marks", "may"),
    [
        (Marks(), False),
        (Marks(asked_at=NOW), False),
        (Marks(soft=SoftMark(NOW, opted_in=True, basis=Basis.EXPLICIT)), True),
        (Marks(back_at=NOW, out_at=at(-5)), True),
        (Marks(back_at=NOW, out_at=at(5)), False),
        (Marks(back_at=NOW, dead_at=at(5)), False),
        (Marks(back_at=NOW, dead_at=at(5), alive_at=at(6)), True),
    ],
)
def test_only_an_opted_in_number_is_textable(marks: Marks, may: bool) -> None:
    """TEA-06, R-07: `pending` does not count, and neither does a dead number."""
    record = ConsentRecord(consent_key(), CONNECTION, POINT, 1, marks, "h", NOW)
    assert textable(record) is may
    assert not textable(None)


@pytest.mark.parametrize(
    ("attributes", "region"),
    [
        ({}, ""),
        ({"region": "US-FL"}, "US-FL"),
        ({"region": " us-fl "}, "US-FL"),
        ({"address": {"country": "US", "state": "FL"}}, "US-FL"),
        ({"address": {"country": "usa", "state": "fl"}}, "US-FL"),
        ({"address": {"country": "Canada", "province": "ON"}}, "CA-ON"),
        ({"address": {"state": "FL"}}, "US-FL"),
        ({"state": "FL"}, "US-FL"),
        ({"address": {"country": "US", "state": "Florida"}}, "US"),
        ({"address": {"country": "FR"}}, "FR"),
        ({"address": {"country": "Atlantis", "state": "FL"}}, ""),
        ({"address": "12 Main St"}, ""),
        ({"address": {}, "region": "US-GA"}, "US-GA"),
        ({"address": {"state": 7, "country": None}}, ""),
        ({"region": "South"}, ""),
    ],
)
def test_a_region_is_read_leniently(attributes: dict[str, Any], region: str) -> None:
    """R-01: what cannot be read says nothing, and is never an error."""
    assert region_of(attributes, "US") == region


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none())))
def test_no_attributes_break_it(attributes: dict[str, Any]) -> None:
    assert region_of({**attributes, "address": attributes}, "US") is not None


def test_regions_join_and_part() -> None:
    assert joined_regions({"US-FL": 2, "US-CA": 1, "": 3, "US-GA": 0}) == "US-CA+US-FL"
    assert regions_in("US-CA+US-FL") == ("US-CA", "US-FL")
    assert regions_in("") == ()


def test_she_contributes_her_textable_numbers_to_each_of_her_groups() -> None:
    """TEA-08: of three numbers, two that are opted in."""
    phones = {"v1.a": "1", "v1.b": "2", "v1.c": "3"}
    profile = {"groups": ["g1", "g2", "g1", ""], "attributes": {"state": "FL"}}
    ana = shopper(phones=phones, profile=profile)
    mine = {"v1.a": "US-FL", "v1.c": "US-FL"}
    assert shares_of(ana, {"v1.a", "v1.c", "v1.z"}, "US") == {"g1": mine, "g2": mine}
    assert shares_of(shopper(active=False), {"v1.aaaa"}, "US") == {}
    assert shares_of(None, {"v1.a"}, "US") == {}


def test_what_leaves_comes_first() -> None:
    """TEA-06: an opt-out is never behind an opt-in."""
    have = {"g1": {"v1.a": "", "v1.b": "US-FL"}, "g2": {"v1.a": ""}}
    want = {"g1": {"v1.b": "US-GA", "v1.c": ""}, "g3": {"v1.b": ""}}
    assert list(changes(have, want)) == [
        Change(Act.DROP, "g1", "v1.a"),
        Change(Act.DROP, "g2", "v1.a"),
        Change(Act.LEAVE, "g2"),
        Change(Act.MOVE, "g1", "v1.b", "US-GA", before="US-FL"),
        Change(Act.ADD, "g1", "v1.c"),
        Change(Act.JOIN, "g3"),
        Change(Act.ADD, "g3", "v1.b"),
    ]
    assert not list(changes(want, want))


def test_a_row_counts_its_shoppers_and_their_regions() -> None:
    add = Change(Act.ADD, "g1", "v1.a", "US-FL")
    one = row_after(None, add, 5)
    assert one == NumberRow(1, 5, {"US-FL": 1})
    two = row_after(one, add, 9)
    assert two == NumberRow(2, 5, {"US-FL": 2})
    moved = row_after(two, Change(Act.MOVE, "g1", "v1.a", "", before="US-FL"), 9)
    assert moved == one.__class__(2, 5, {"US-FL": 1})
    drop = Change(Act.DROP, "g1", "v1.a", "US-FL")
    assert row_after(two, drop, 9) == one
    assert row_after(one, drop, 9) is None
    assert row_after(None, drop, 9) is None
