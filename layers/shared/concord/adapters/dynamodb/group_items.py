"""A contribution and a number's row as items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from concord.adapters.dynamodb.marshal import Item
from concord.domain.groups import joined_regions
from concord.domain.regroup import Contribution, NumberRow

_AND: Final = "+"
_TIMES: Final = "*"


# --- contributions ---------------------------------------------------------------------------


def contribution_item(have: Contribution) -> Item:
    """Return the attributes of a contribution.

    Her groups hold much the same numbers: each pair of number and region is kept once, and a group
    is a number whose bits name the pairs. A thousand groups of twenty numbers fit into one item.
    With each pair goes since when; a number that is between two groups has a pair in none.
    """
    held = {pair for points in have.shares.values() for pair in points.items()}
    between = have.since.keys() - {point for point, _ in held}
    pairs = sorted(held | {(point, "") for point in between})
    bit = {pair: 1 << place for place, pair in enumerate(pairs)}
    return {
        "version": have.version,
        "pairs": [[*pair, have.since.get(pair[0])] for pair in pairs],
        "groups": {g: sum(bit[pair] for pair in p.items()) for g, p in have.shares.items()},
        "moving": sorted(have.moving) or None,
    }


def contribution_from(
    merchant_id: str, connection_id: str, shopper_key: str, item: Item | None
) -> Contribution:
    """Return the contribution that an item holds; none is an empty one of version 0."""
    if item is None:
        return Contribution(merchant_id, connection_id, shopper_key)
    pairs = item["pairs"]
    shares = {
        group_id: {pair[0]: pair[1] for place, pair in enumerate(pairs) if bits >> place & 1}
        for group_id, bits in item["groups"].items()
    }
    since = {pair[0]: pair[2] for pair in pairs if pair[2] is not None}
    moving = frozenset(item.get("moving", ()))
    names = (merchant_id, connection_id, shopper_key)
    return Contribution(*names, item["version"], shares, since, moving)


# --- rows of numbers -------------------------------------------------------------------------


def number_item(row: NumberRow) -> Item:
    """Return the attributes of a number's row; the region is left out where none is known."""
    return {"refs": row.refs, "since": row.since, "region": _region_text(row.regions) or None}


def number_from(item: Item) -> NumberRow:
    """Return the row that an item holds."""
    return NumberRow(item["refs"], item["since"], _regions_from(item.get("region", "")))


def region_shown(text: str) -> str:
    """Return the regions of a row's attribute without their counts: `US-CA*2+US-FL` shows as
    `US-CA+US-FL`."""
    return joined_regions(_regions_from(text)) if _TIMES in text else text


def _region_text(regions: Mapping[str, int]) -> str:
    """Return regions with their counts, one left out: `US-CA*2+US-FL`."""
    return _AND.join(
        region if count == 1 else f"{region}{_TIMES}{count}"
        for region, count in sorted(regions.items())
    )


def _regions_from(text: str) -> dict[str, int]:
    parts = (part.partition(_TIMES) for part in text.split(_AND) if part)
    return {region: int(count or 1) for region, _, count in parts}
