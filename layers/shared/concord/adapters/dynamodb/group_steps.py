"""Pack changes of a contribution into one transaction: contribution, member, counters, numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from concord.adapters.dynamodb import group_keys
from concord.adapters.dynamodb.group_items import contribution_item, number_item
from concord.adapters.dynamodb.table import MAX_TRANSACTION, delete, put, update
from concord.domain.groups import shard_of_point, shard_of_shopper
from concord.domain.regroup import Act, Change, Contribution, NumberRow, row_after
from concord.domain.tasks import RowKey

type Place = tuple[str, str]
"""A number in a group: (group id, point id)."""

_TOTAL: Final = "total"
_OPTED_IN: Final = "opted_in"
_NUMBERS: Final = "numbers"


@dataclass
class Step:
    """What one transaction does: `after` is what she contributes then, `actions` its items, the
    contribution first, and `places` the number that each of the other items is about, if any."""

    after: Contribution
    actions: list[dict[str, Any]]
    places: list[Place | None]


@dataclass
class _Draft:
    """A step while changes are added to it."""

    have: Contribution
    now: int
    known: Mapping[Place, NumberRow | None]
    shares: dict[str, dict[str, str]]
    since: dict[str, int]
    moving: set[str]
    rows: dict[Place, tuple[NumberRow | None, NumberRow | None]] = field(default_factory=dict)
    touched: set[tuple[str, int]] = field(default_factory=set)
    numbers: Counter[tuple[str, int]] = field(default_factory=Counter)
    members: set[str] = field(default_factory=set)

    def add(self, change: Change) -> bool:
        """Add a change if the transaction has room for it; False = it has not."""
        group_id, point = change.group_id, change.point_id
        mine = self.shares.get(group_id, {})
        touched, members = set(self.touched), set(self.members)
        if change.act in (Act.JOIN, Act.LEAVE) or _turns(change, mine):
            members.add(group_id)
            touched.add((group_id, shard_of_shopper(self.have.shopper_key)))
        place, row = (group_id, point), None
        if point:
            seen = self.known.get(place, _likely(change, self.now))
            row = (seen, row_after(seen, change, self._born(point)))
            if (seen is None) is not (row[1] is None):
                touched.add((group_id, shard_of_point(point)))
        if 1 + len(members) + len(touched) + len(self.rows) + bool(point) > MAX_TRANSACTION:
            return False
        self.touched, self.members = touched, members
        if row is not None:
            self.rows[place] = row
            shard = shard_of_point(point)
            self.numbers[group_id, shard] += (row[1] is not None) - (row[0] is not None)
        self._share(change)
        return True

    def _born(self, point: str) -> int:
        """Return since when a number counts as being in a group that it comes into now."""
        return self.since.get(point, self.now) if point in self.moving else self.now

    def _share(self, change: Change) -> None:
        match change.act:
            case Act.JOIN:
                self.shares[change.group_id] = {}
            case Act.LEAVE:
                del self.shares[change.group_id]
            case Act.DROP:
                del self.shares[change.group_id][change.point_id]
                self.moving.add(change.point_id)
            case Act.ADD | Act.MOVE:
                self.shares[change.group_id][change.point_id] = change.region
                self.since.setdefault(change.point_id, self.now)


def pack(
    have: Contribution,
    todo: Iterable[Change],
    known: Mapping[Place, NumberRow | None],
    now: int,
) -> Step:
    """Return the transaction that makes as many of the changes, in order, as it has room for.

    `known` are the rows of numbers that were read. Of any other it is assumed what it mostly is:
    that nobody else has this number. Where that is wrong, the row's condition refuses the step.
    """
    wanted = list(todo)
    shares = {g: dict(points) for g, points in have.shares.items()}
    draft = _Draft(have, now, known, shares, dict(have.since), set(have.moving))
    done = 0
    while done < len(wanted) and draft.add(wanted[done]):
        done += 1
    then = _after(draft, wanted[done:])
    actions: list[dict[str, Any]] = [_put_contribution(have, then)]
    places: list[Place | None] = [None]
    for group_id in sorted(draft.members):
        actions.append(_member(have, group_id, draft.shares.get(group_id)))
        places.append(None)
    for group_id, shard in sorted(draft.touched):
        actions.append(_counters(draft, group_id, shard))
        places.append(None)
    for place, (before, after) in draft.rows.items():
        if before == after:
            continue
        key = group_keys.number(have.merchant_id, have.connection_id, *place)
        actions.append(_row(key, before, after))
        places.append(place)
    return Step(then, actions, places)


def _after(draft: _Draft, left: Iterable[Change]) -> Contribution:
    """Return what she contributes then. Of a number that a step to come adds it is kept how long
    she has had it, be it in no group just now."""
    coming = {change.point_id for change in left if change.act is Act.ADD}
    stay = coming.union(*draft.shares.values())
    return replace(
        draft.have,
        version=draft.have.version + 1,
        shares=draft.shares,
        since={point: at for point, at in draft.since.items() if point in stay},
        moving=frozenset(draft.moving & coming),
    )


def _turns(change: Change, mine: Mapping[str, str]) -> bool:
    """Whether it makes her opted in within the group, or no longer."""
    if change.act is Act.ADD:
        return not mine
    return change.act is Act.DROP and len(mine) == 1


def _likely(change: Change, now: int) -> NumberRow | None:
    """Return the row that a change finds if nobody but her has the number."""
    if change.act is Act.ADD:
        return None
    region = change.region if change.act is Act.DROP else change.before
    return NumberRow(1, now, {region: 1} if region else {})


# --- the items of the transaction ------------------------------------------------------------


def _put_contribution(have: Contribution, after: Contribution) -> dict[str, Any]:
    key = group_keys.contribution(have.merchant_id, have.connection_id, have.shopper_key)
    item = contribution_item(after)
    if have.version == 0:
        return put(key, item, "attribute_not_exists(pk)")
    return put(key, item, "#version = :before", before=have.version)


def _member(have: Contribution, group_id: str, mine: Mapping[str, str] | None) -> dict[str, Any]:
    """Her row among the members says whether she is opted in: counters can be counted anew."""
    key = group_keys.member(have.merchant_id, have.connection_id, group_id, have.shopper_key)
    return delete(key) if mine is None else put(key, {_OPTED_IN: bool(mine)})


def _counters(draft: _Draft, group_id: str, shard: int) -> dict[str, Any]:
    """Every change counts in `changes`: who counts anew notices that somebody was at work."""
    have = draft.have
    by: dict[str, int] = {_NUMBERS: draft.numbers[group_id, shard]}
    if group_id in draft.members and shard == shard_of_shopper(have.shopper_key):
        before, after = have.shares.get(group_id), draft.shares.get(group_id)
        by[_TOTAL] = (after is not None) - (before is not None)
        by[_OPTED_IN] = bool(after) - bool(before)
    key = group_keys.counters(have.merchant_id, have.connection_id, group_id, shard)
    adds: dict[str, Any] = {name: count for name, count in by.items() if count} | {"changes": 1}
    return update(key, "ADD " + ", ".join(f"#{name} :{name}" for name in adds), **adds)


def _row(key: RowKey, before: NumberRow | None, after: NumberRow | None) -> dict[str, Any]:
    if before is None:
        assert after is not None
        return put(key, number_item(after), "attribute_not_exists(pk)")
    seen = number_item(before)
    if after is None:
        # Whatever region it is counted under: of one shopper, and she leaves.
        return delete(key, "#refs = :refs", refs=before.refs)
    condition, given = "#refs = :seen AND attribute_not_exists(#region)", {"seen": before.refs}
    if seen["region"]:
        condition = "#refs = :seen AND #region = :region"
        given = {"seen": before.refs, "region": seen["region"]}
    left = number_item(after)
    if left["region"]:
        change = "SET #refs = :refs, #region = :left"
        return update(key, change, condition, refs=after.refs, left=left["region"], **given)
    return update(key, "SET #refs = :refs REMOVE #region", condition, refs=after.refs, **given)
