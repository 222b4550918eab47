"""A shop with many groups and shoppers, as their counters and some of their rows say."""

from __future__ import annotations

from typing import Final

from concord.adapters.dynamodb import group_keys
from concord.adapters.dynamodb.table import Table
from concord.domain.groups import GROUP_SHARDS
from tests.world.shop import Shop

GROUPS: Final = 200
SHOPPERS: Final = 100_000
_ROWS: Final = 300


def many_groups(table: Table, shop: Shop) -> None:
    """Put 200 named groups with the counters that 100,000 shoppers would leave, and members and
    numbers of some of them: a list that read those would show it."""
    where = (shop.merchant_id, shop.connection_id)
    for number in range(GROUPS):
        group_id = f"group-{number:05d}"
        name = {"name": f"Customers of aisle {number}", "version": 1}
        table.put(group_keys.group(*where, group_id), name)
        for shard in range(GROUP_SHARDS):
            total = SHOPPERS // GROUPS // GROUP_SHARDS + shard
            counted = {"total": total, "opted_in": total // 2, "numbers": total, "changes": 9_999}
            table.put(group_keys.counters(*where, group_id, shard), counted)
    for number in range(_ROWS):
        digit = f"{number % 16:x}"
        key = f"{digit}{number:031x}"
        table.put(group_keys.member(*where, "group-00000", key), {"opted_in": True})
        point_id = f"v1.{digit}{number:063x}"
        row = {"refs": 1, "since": 1_795_317_273_533, "region": "US-FL"}
        table.put(group_keys.number(*where, "group-00000", point_id), row)
