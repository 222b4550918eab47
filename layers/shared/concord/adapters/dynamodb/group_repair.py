"""Hold the rows and counters of groups against the contributions, and put right what differs.

Nothing here keeps a worker waiting. Everything that is written rests on what was read being so
still: a row on itself and on the contributions it adds up, a counter on the `changes` that the
worker raises with every step. Whoever was at work meanwhile makes the condition fail, and what was
wrong is looked at again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from concord.adapters.dynamodb import group_keys, keys
from concord.adapters.dynamodb.group_items import contribution_from, number_from, number_item
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import MAX_TRANSACTION, Table, check, delete, put, update
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.groups import shard_of_point, shard_of_shopper
from concord.domain.regroup import Contribution, NumberRow, Verdict
from concord.domain.tasks import RowKey

_ATTEMPTS: Final = 5
_MOST_CHECKED: Final = MAX_TRANSACTION - 2  # beside the row and its counter
_COUNTED: Final = ("total", "opted_in", "numbers")


@dataclass(frozen=True, slots=True)
class _Group:
    merchant_id: str
    connection_id: str
    group_id: str

    @property
    def names(self) -> tuple[str, str, str]:
        return self.merchant_id, self.connection_id, self.group_id


class DynamoDbGroupRepair:
    """Repairs one row or counter at a time; safe to repeat, and beside any worker."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # --- what there is -----------------------------------------------------------------------

    def members(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[str]:
        """Yield the shopper keys that have a row among the members, in order, after `after`."""
        pk = group_keys.members_pk(merchant_id, connection_id, group_id, shard)
        yield from self._keys(pk, after)

    def numbers(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[str]:
        """Yield the point ids that have a row, in order, after `after`."""
        pk = group_keys.numbers_pk(merchant_id, connection_id, group_id, shard)
        yield from self._keys(pk, after)

    def missing(
        self, merchant_id: str, connection_id: str, group_id: str, shopper_key: str
    ) -> list[str]:
        """Return the point ids that a shopper contributes to a group and that have no row there."""
        group = _Group(merchant_id, connection_id, group_id)
        mine = self._contribution(group, shopper_key).shares.get(group_id, {})
        rows = {point: group_keys.number(*group.names, point) for point in sorted(mine)}
        return [point for point, key in rows.items() if self._table.get(key) is None]

    # --- what is put right -------------------------------------------------------------------

    def member(
        self, merchant_id: str, connection_id: str, group_id: str, shopper_key: str
    ) -> Verdict:
        """Hold a shopper's row among the members against her contribution."""
        group = _Group(merchant_id, connection_id, group_id)
        key = group_keys.member(*group.names, shopper_key)
        for _ in range(_ATTEMPTS):
            row = self._table.get(key)
            mine = self._contribution(group, shopper_key)
            points = mine.shares.get(group_id)
            want = None if points is None else bool(points)
            if (None if row is None else row.get("opted_in")) == want:
                return Verdict.RIGHT
            write = delete(key) if want is None else put(key, {"opted_in": want})
            shard = shard_of_shopper(shopper_key)
            if self._changed([write, self._touch(group, shard), self._as_read(mine)]):
                return Verdict.MENDED
        return Verdict.BUSY

    def number(
        self,
        merchant_id: str,
        connection_id: str,
        group_id: str,
        point_id: str,
        now: datetime,
    ) -> tuple[Verdict, list[str]]:
        """Hold a number's row against the contributions of all who carry the number; also return
        who contributes it."""
        group = _Group(merchant_id, connection_id, group_id)
        key = group_keys.number(*group.names, point_id)
        mine: list[Contribution] = []
        verdict = Verdict.BUSY
        for _ in range(_ATTEMPTS):
            item = self._table.get(key)
            row = number_from(item) if item else None
            carriers = list(self._carriers(group, point_id))
            mine = [each for each in carriers if point_id in each.shares.get(group_id, {})]
            regions = Counter(filter(None, (each.shares[group_id][point_id] for each in mine)))
            since = row.since if row else int(now.timestamp() * 1000)
            want = NumberRow(len(mine), since, dict(regions)) if mine else None
            if row == want:
                verdict = Verdict.RIGHT
                break
            if len(carriers) > _MOST_CHECKED:
                break  # more than one transaction can vouch for
            delta = (want is not None) - (row is not None)
            actions = [
                _row_as_read(key, item, want),
                self._touch(group, shard_of_point(point_id), delta),
                *map(self._as_read, carriers),
            ]
            if self._changed(actions):
                verdict = Verdict.MENDED
                break
        return verdict, [each.shopper_key for each in mine]

    def recount(self, merchant_id: str, connection_id: str, group_id: str, shard: int) -> Verdict:
        """Hold a counter against the rows of its shard."""
        group = _Group(merchant_id, connection_id, group_id)
        key = group_keys.counters(*group.names, shard)
        for _ in range(_ATTEMPTS):
            item = self._table.get(key) or {}
            counted = self._counted(group, shard)
            if all(item.get(name, 0) == counted[name] for name in _COUNTED):
                return Verdict.RIGHT
            seen = item.get("changes")
            condition = "attribute_not_exists(#changes)" if seen is None else "#changes = :seen"
            try:
                self._table.update(
                    key,
                    "SET #total = :total, #opted_in = :opted_in, #numbers = :numbers "
                    "ADD #changes :one",
                    condition,
                    one=1,
                    **counted,
                    **({} if seen is None else {"seen": seen}),
                )
            except ConditionFailedError:
                continue
            return Verdict.MENDED
        return Verdict.BUSY

    # --- how ---------------------------------------------------------------------------------

    def _keys(self, pk: str, after: str) -> Iterator[str]:
        rows = self._table.query("pk = :pk AND sk > :after", pk=pk, after=after or " ")
        yield from (item["sk"] for item in rows)

    def _contribution(self, group: _Group, shopper_key: str) -> Contribution:
        where = (group.merchant_id, group.connection_id, shopper_key)
        return contribution_from(*where, self._table.get(group_keys.contribution(*where)))

    def _carriers(self, group: _Group, point_id: str) -> Iterator[Contribution]:
        """Yield the contributions of all who carry a number, or did until two days ago."""
        pk = keys.carriers_pk(group.merchant_id, group.connection_id, point_id)
        for item in self._table.query("pk = :pk", pk=pk):
            if item["sk"] != keys.UNMATCHED:
                yield self._contribution(group, item["sk"].removeprefix(keys.CARRIER))

    def _counted(self, group: _Group, shard: int) -> dict[str, int]:
        members = list(self._table.query("pk = :pk", pk=group_keys.members_pk(*group.names, shard)))
        numbers = self._table.query("pk = :pk", pk=group_keys.numbers_pk(*group.names, shard))
        return {
            "total": len(members),
            "opted_in": sum(1 for item in members if item["opted_in"]),
            "numbers": sum(1 for _ in numbers),
        }

    def _touch(self, group: _Group, shard: int, numbers: int = 0) -> dict[str, Any]:
        key = group_keys.counters(*group.names, shard)
        if not numbers:
            return update(key, "ADD #changes :one", one=1)
        return update(key, "ADD #numbers :numbers, #changes :one", numbers=numbers, one=1)

    def _as_read(self, mine: Contribution) -> dict[str, Any]:
        key = group_keys.contribution(mine.merchant_id, mine.connection_id, mine.shopper_key)
        if mine.version == 0:
            return check(key, "attribute_not_exists(pk)")
        return check(key, "#version = :seen", seen=mine.version)

    def _changed(self, actions: list[dict[str, Any]]) -> bool:
        try:
            self._table.transact(actions)
        except TransactionRefusedError:
            return False
        return True


def _row_as_read(key: RowKey, item: Item | None, want: NumberRow | None) -> dict[str, Any]:
    """Return the write that makes a row what it should be, if it is as it was read."""
    if item is None:
        assert want is not None
        return put(key, number_item(want), "attribute_not_exists(pk)")
    condition, given = "#refs = :refs AND #since = :since", {"refs": item["refs"]}
    given["since"] = item["since"]
    if "region" in item:
        condition, given = f"{condition} AND #region = :region", {**given, "region": item["region"]}
    else:
        condition = f"{condition} AND attribute_not_exists(#region)"
    if want is None:
        return delete(key, condition, **given)
    return put(key, number_item(want), condition, **given)
