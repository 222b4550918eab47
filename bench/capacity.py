"""DynamoDB's capacity units, computed from a request and the items that it read or changed.

Sizes are those of the developer guide ("Item sizes and formats"), units those of "Read and write
operations" and "Transaction capacity": computed, because no emulator bills as AWS does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

type WireItem = Mapping[str, Mapping[str, Any]]

KILOBYTE: Final = 1024
_READ_BLOCK: Final = 4 * KILOBYTE
_CONTAINER: Final = 3  # bytes that a list or map takes beside its members
_MEMBER: Final = 1  # and each of its members
WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})
READS: Final = frozenset({"GetItem", "Query"})


class UncountedError(ValueError):
    """A request that nobody taught this module: wrong figures would be worse than none."""


# --- sizes -----------------------------------------------------------------------------------


def item_size(item: WireItem) -> int:
    """Return the bytes of an item in wire form: names count as well as values."""
    return sum(_text(name) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:
    """Return the bytes of one value in wire form."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _text(content)
        case "N":
            return number_size(content)
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "M":
            return _CONTAINER + item_size(content) + _MEMBER * len(content)
        case "L":
            return _CONTAINER + sum(map(value_size, content)) + _MEMBER * len(content)
        case "SS":
            return sum(map(_text, content))
        case "NS":
            return sum(map(number_size, content))
        case "BS":
            return sum(map(len, content))
    raise UncountedError(f"a value of kind {kind}")


def number_size(text: str) -> int:
    """Return one byte per two significant digits and one more; a minus sign is another."""
    mantissa = text.lower().partition("e")[0]
    digits = mantissa.lstrip("+-").replace(".", "").strip("0")
    return max(1, ceil(len(digits) / 2)) + 1 + text.startswith("-")


def _text(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


# --- units -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its keys, and what it carries (None = every attribute)."""

    name: str
    keys: frozenset[str]
    projected: frozenset[str] | None

    def entry(self, item: WireItem | None) -> WireItem | None:
        """Return the item's entry in this index; None when it has none (a sparse index)."""
        if item is None or not self.keys <= item.keys():
            return None
        if self.projected is None:
            return item
        return {name: value for name, value in item.items() if name in self.projected}

    def write_units(self, old: WireItem | None, new: WireItem | None) -> int:
        """Return what a change costs here: another key is a delete and a put, two writes."""
        before, after = self.entry(old), self.entry(new)
        if before == after:
            return 0
        if before is not None and after is not None and self._place(before) == self._place(after):
            return max(_blocks(before), _blocks(after))
        return sum(_blocks(entry) for entry in (before, after) if entry is not None)

    def _place(self, entry: WireItem) -> list[Any]:
        return [entry[name] for name in sorted(self.keys)]


def indexes_of(schema: Mapping[str, Any]) -> tuple[Index, ...]:
    """Return the global indexes of a CreateTable schema."""
    table_keys = {part["AttributeName"] for part in schema["KeySchema"]}
    found = []
    for index in schema.get("GlobalSecondaryIndexes", ()):
        keys = frozenset(part["AttributeName"] for part in index["KeySchema"])
        projection = index["Projection"]
        carried = keys | table_keys | set(projection.get("NonKeyAttributes", ()))
        everything = projection["ProjectionType"] == "ALL"
        found.append(Index(index["IndexName"], keys, None if everything else frozenset(carried)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Change:
    """One item before and after a write; None = it is not there."""

    old: WireItem | None
    new: WireItem | None


def write_units(
    changes: Iterable[Change], indexes: Sequence[Index] = (), *, transaction: bool = False
) -> int:
    """Return the write units of one request.

    The larger image counts, in whole kilobytes, twice in a transaction. A write whose condition
    failed is a change from old to old: it pays for the item that stands in its way, or for one
    kilobyte. Indexes are written once, transaction or not.
    """
    times = 2 if transaction else 1
    return sum(
        times * max(_blocks(change.old), _blocks(change.new))
        + sum(index.write_units(change.old, change.new) for index in indexes)
        for change in changes
    )


def read_units(items: Iterable[WireItem], *, consistent: bool) -> float:
    """Return the read units of one GetItem or Query: the sum of the sizes, in blocks of 4 KB.

    Reading nothing costs one block. Half where eventual consistency is enough.
    """
    blocks = max(1, ceil(sum(map(item_size, items)) / _READ_BLOCK))
    return float(blocks) if consistent else blocks / 2


def _blocks(item: WireItem | None) -> int:
    return max(1, ceil(item_size(item) / KILOBYTE)) if item is not None else 1
