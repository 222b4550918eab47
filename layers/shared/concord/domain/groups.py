"""Groups of shoppers: what is counted of them, and where the rows of their numbers lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

# Point ids are evenly spread hex digits. A shard is a range of them, so that reading shard after
# shard yields the numbers of a group in the order of their ids.
GROUP_SHARDS: Final = 8
_PREFIX: Final = "v1."


def shard_of_point(point_id: str) -> int:
    """Return the shard 0..7 of a point id: its first hex digit, halved."""
    return int(point_id[len(_PREFIX)], 16) // (16 // GROUP_SHARDS)


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """A group as "Add from CATAPULT" lists it (TEA-06, TEA-07, TEA-08).

    `total_shoppers` counts all members, with or without a number; `opted_in_shoppers` those with at
    least one textable number; `textable_numbers` the distinct ones.
    """

    group_id: str
    name: str
    total_shoppers: int = 0
    opted_in_shoppers: int = 0
    textable_numbers: int = 0


@dataclass(frozen=True, slots=True)
class TextableNumber:
    """One row of a group: a number that may be texted, by its id. `since` is when it became so in
    this group; `region` is where its owner lives (`US-FL`), if her address is known."""

    point_id: str
    since: datetime
    region: str = ""
