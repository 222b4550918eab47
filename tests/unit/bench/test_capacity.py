"""Units and sizes against examples worked out by hand from the developer guide."""

from __future__ import annotations

from typing import Any

import pytest

from bench.capacity import (
    Change,
    Index,
    UncountedError,
    indexes_of,
    item_size,
    number_size,
    read_units,
    value_size,
    write_units,
)
from tests.support.tables import schema

KB = 1024
DUE = Index("due", frozenset({"due_pk", "due_sk"}), frozenset({"pk", "sk", "due_pk", "due_sk"}))


def item(size: int, **texts: str) -> dict[str, Any]:
    """Return an item of exactly `size` bytes."""
    made: dict[str, Any] = {"pk": {"S": "p"}} | {name: {"S": text} for name, text in texts.items()}
    return made | {"f": {"S": "x" * (size - item_size(made) - 1)}}


# --- sizes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "žena"}, 5),  # UTF-8: ž is two bytes
        ({"S": ""}, 0),
        ({"B": b"\x00" * 7}, 7),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"N": "0"}, 2),
        ({"M": {}}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"BOOL": True}]}, 3 + 2 + 1 + 2),  # one byte more for each member
        ({"M": {"a": {"S": "bc"}}}, 3 + 1 + 2 + 1),
        ({"M": {"a": {"L": [{"N": "12"}]}}}, 3 + (1 + (3 + 2 + 1)) + 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "234"]}, 2 + 3),
        ({"BS": [b"ab", b"c"]}, 3),
    ],
)
def test_size_of_a_value(value: dict[str, Any], size: int) -> None:
    """Each type as "Item sizes and formats" describes it."""
    assert value_size(value) == size


@pytest.mark.parametrize(
    ("number", "size"),
    [("7", 2), ("12", 2), ("123", 3), ("-12", 3), ("1000", 2), ("0.0012", 2), ("1.5e10", 2)],
)
def test_size_of_a_number(number: str, size: int) -> None:
    """One byte per two significant digits and one more; zeros at either end do not count."""
    assert number_size(number) == size


def test_size_of_an_item() -> None:
    """Names count too: pk(2) + abc(3), n(1) + 2 bytes."""
    assert item_size({"pk": {"S": "abc"}, "n": {"N": "42"}}) == 2 + 3 + 1 + 2
    assert item_size(item(KB)) == KB


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UncountedError):
        value_size({"X": "?"})


# --- writes ----------------------------------------------------------------------------------


def test_a_transaction_of_1_2_1_kb_is_8() -> None:
    """rules.md, Counting cost: AWS bills (1 + 2 + 1) x 2."""
    new = [Change(None, item(KB)), Change(None, item(2 * KB)), Change(None, item(KB))]
    assert write_units(new, transaction=True) == 8
    assert write_units(new) == 4


@pytest.mark.parametrize(
    ("old", "new", "units"),
    [
        (None, item(1 * KB), 1),
        (None, item(1 * KB + 1), 2),
        (item(3 * KB), item(300), 3),  # the larger image counts
        (item(300), item(3 * KB), 3),
        (item(2 * KB), None, 2),  # a delete pays for what goes
        (None, None, 1),  # a delete of nothing
        (item(2 * KB), item(2 * KB), 2),  # a condition that failed pays for what is there
    ],
)
def test_write_units_of_one_item(
    old: dict[str, Any] | None, new: dict[str, Any] | None, units: int
) -> None:
    assert write_units([Change(old, new)]) == units
    assert write_units([Change(old, new)], transaction=True) == 2 * units


def _due(at: str, shard: str = "DUE#1") -> dict[str, Any]:
    return item(300, sk="s", due_pk=shard, due_sk=at)


@pytest.mark.parametrize(
    ("old", "new", "units"),
    [
        (None, item(300), 0),  # sparse: no entry, no write
        (None, _due("1"), 1),
        (_due("1"), _due("1"), 0),
        (_due("1"), _due("1") | {"other": {"S": "x"}}, 0),  # keys only: nothing it carries changed
        (_due("1"), _due("2"), 2),  # another key: a delete and a put
        (_due("1"), _due("1", "DUE#2"), 2),
        (_due("1"), item(300), 1),
        (_due("1"), None, 1),
        (None, item(300, due_pk="DUE#1"), 0),  # half a key is no key
    ],
)
def test_index_writes(old: dict[str, Any] | None, new: dict[str, Any] | None, units: int) -> None:
    """The `due` index is written once, in a transaction as well."""
    assert DUE.write_units(old, new) == units
    assert write_units([Change(old, new)], [DUE]) == 1 + units
    assert write_units([Change(old, new)], [DUE], transaction=True) == 2 + units


def test_an_index_of_everything_pays_for_every_change() -> None:
    """ALL carries all attributes: a change of any is a write of the larger image."""
    everything = Index("all", frozenset({"due_pk"}), None)
    old, new = item(300, due_pk="a"), item(2 * KB, due_pk="a")
    assert everything.write_units(old, new) == 2


def test_the_indexes_are_the_templates() -> None:
    """What is billed is what template.yaml deploys."""
    assert indexes_of(schema()) == (DUE,)


# --- reads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        ([], 1),
        ([1], 1),
        ([4 * KB], 1),
        ([4 * KB + 1], 2),
        ([39 * KB], 10),
        ([1500, 1500, 1500], 2),  # a query rounds the sum, not each item
    ],
)
def test_read_units(sizes: list[int], units: int) -> None:
    items = [item(max(size, 4)) for size in sizes]
    assert read_units(items, consistent=True) == units
    assert read_units(items, consistent=False) == units / 2
