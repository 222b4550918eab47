"""What a shopper contributes to her groups, and the steps from what she did to what she should."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from concord.domain.groups import is_group_id, region_of
from concord.domain.shopper import Shopper

type Shares = Mapping[str, Mapping[str, str]]
"""By group id: her textable numbers there, by point id, each with the region it is counted under.
A group without a number is one all the same: she is a member (TEA-07)."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the counters and rows of groups hold of one shopper. `version` 0 = she never had one.

    `since` says of her textable numbers since when (milliseconds since 1970) she has been in any
    group with each; `moving` are those that left a group and are on their way into another one: to
    move makes no number newer, but to join one group more does (TEA-10).
    """

    merchant_id: str
    connection_id: str
    shopper_key: str
    version: int = 0
    shares: Shares = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    moving: frozenset[str] = frozenset()


class Act(StrEnum):
    """What can change between a shopper and a group, or one of her numbers in it."""

    JOIN = "join"
    LEAVE = "leave"
    ADD = "add"
    DROP = "drop"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ADD is counted under `region`, DROP was; MOVE goes from `before` to `region`."""

    act: Act
    group_id: str
    point_id: str = ""
    region: str = ""
    before: str = ""


def shares_of(shopper: Shopper | None, textable: Collection[str], country: str) -> Shares:
    """Return what a shopper should contribute: `textable` are the point ids that may be texted.

    One who left contributes nothing, and neither does one that nobody knows. `country` is the
    merchant's, for an address that names none.
    """
    if shopper is None or not shopper.active:
        return {}
    region = region_of(shopper.profile.get("attributes") or {}, country)
    mine = {point: region for point in shopper.phones if point in textable}
    return {group_id: mine for group_id in shopper.groups if is_group_id(group_id)}


def changes(have: Shares, want: Shares) -> Iterator[Change]:
    """Yield the way from `have` to `want`. What leaves comes first: an opt-out is never behind an
    opt-in. Within a group who leaves has no number left there, and who joins has none yet."""
    for group_id in sorted(have):
        mine, wanted = have[group_id], want.get(group_id, {})
        for point in sorted(mine.keys() - wanted.keys()):
            yield Change(Act.DROP, group_id, point, mine[point])
        if group_id not in want:
            yield Change(Act.LEAVE, group_id)
    for group_id in sorted(want):
        mine, wanted = have.get(group_id, {}), want[group_id]
        if group_id not in have:
            yield Change(Act.JOIN, group_id)
        for point in sorted(wanted):
            if point not in mine:
                yield Change(Act.ADD, group_id, point, wanted[point])
            elif mine[point] != wanted[point]:
                yield Change(Act.MOVE, group_id, point, wanted[point], before=mine[point])


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number in a group: how many shoppers contribute it, since when (milliseconds since 1970) it
    is there, and of how many of them which region is known."""

    refs: int
    since: int
    regions: Mapping[str, int] = field(default_factory=dict)


def row_after(row: NumberRow | None, change: Change, since: int) -> NumberRow | None:
    """Return a number's row once an ADD, DROP or MOVE is made; None = there is none (any more).
    A row that an ADD makes is there `since` then.

    A row that is not there, though it should be, is left so: what is gone cannot be dropped.
    """
    if change.act is Act.ADD:
        if row is None:
            return NumberRow(1, since, _counted({}, change.region, 1))
        return NumberRow(row.refs + 1, row.since, _counted(row.regions, change.region, 1))
    if row is None:
        return None
    if change.act is Act.DROP:
        left = _counted(row.regions, change.region, -1)
        return NumberRow(row.refs - 1, row.since, left) if row.refs > 1 else None
    moved = _counted(_counted(row.regions, change.before, -1), change.region, 1)
    return NumberRow(row.refs, row.since, moved)


def _counted(regions: Mapping[str, int], region: str, by: int) -> dict[str, int]:
    """Return the known regions with one more or less of one; no count falls below nothing."""
    counts = {**regions, region: regions.get(region, 0) + by}
    return {name: count for name, count in counts.items() if name and count > 0}


class Verdict(StrEnum):
    """What came of holding a row or counter against what it should be.

    BUSY = workers kept changing it, or too many shoppers share the number to vouch for all at once.
    """

    RIGHT = "right"
    MENDED = "mended"
    BUSY = "busy"
