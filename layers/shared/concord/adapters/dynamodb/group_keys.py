"""The keys of groups, their counters, rows and members; a part of keys.py.

A group id stands in keys percent-encoded: shops call their groups what they like.
"""

from __future__ import annotations

from typing import Final

from concord.adapters.dynamodb import keys
from concord.domain.groups import group_key, shard_of_point, shard_of_shopper
from concord.domain.tasks import RowKey

CONTRIBUTION: Final = "CONTRIBUTION"
AWAITED: Final = "AWAITED#"


def groups_pk(merchant_id: str, connection_id: str) -> str:
    """Return `G#<merchant>#<connection>`."""
    return f"G#{merchant_id}#{connection_id}"


def group(merchant_id: str, connection_id: str, group_id: str) -> RowKey:
    """Return `G#<merchant>#<connection>` / `<group>`."""
    return RowKey(groups_pk(merchant_id, connection_id), group_key(group_id))


def counters_pk(merchant_id: str, connection_id: str, shard: int) -> str:
    """Return `GC#<merchant>#<connection>#<shard>`."""
    return f"GC#{merchant_id}#{connection_id}#{shard}"


def counters(merchant_id: str, connection_id: str, group_id: str, shard: int) -> RowKey:
    """Return `GC#<merchant>#<connection>#<shard>` / `<group>`."""
    return RowKey(counters_pk(merchant_id, connection_id, shard), group_key(group_id))


def numbers_pk(merchant_id: str, connection_id: str, group_id: str, shard: int) -> str:
    """Return `GN#<merchant>#<connection>#<group>#<shard>`."""
    return f"GN#{merchant_id}#{connection_id}#{group_key(group_id)}#{shard}"


def number(merchant_id: str, connection_id: str, group_id: str, point_id: str) -> RowKey:
    """Return `GN#<merchant>#<connection>#<group>#<shard>` / `<point_id>`."""
    shard = shard_of_point(point_id)
    return RowKey(numbers_pk(merchant_id, connection_id, group_id, shard), point_id)


def members_pk(merchant_id: str, connection_id: str, group_id: str, shard: int) -> str:
    """Return `GM#<merchant>#<connection>#<group>#<shard>`."""
    return f"GM#{merchant_id}#{connection_id}#{group_key(group_id)}#{shard}"


def member(merchant_id: str, connection_id: str, group_id: str, shopper_key: str) -> RowKey:
    """Return `GM#<merchant>#<connection>#<group>#<shard>` / `<shopper key>`."""
    shard = shard_of_shopper(shopper_key)
    return RowKey(members_pk(merchant_id, connection_id, group_id, shard), shopper_key)


def contribution(merchant_id: str, connection_id: str, shopper_key: str) -> RowKey:
    """Return `S#<merchant>#<connection>#<shopper key>` / `CONTRIBUTION`: beside the shopper."""
    pk = keys.shopper(merchant_id, connection_id, shopper_key).pk
    return RowKey(pk, CONTRIBUTION)


def awaited(merchant_id: str, connection_id: str, shopper_key: str, group_id: str) -> RowKey:
    """Return `S#<merchant>#<connection>#<shopper key>` / `AWAITED#<group>`."""
    pk = keys.shopper(merchant_id, connection_id, shopper_key).pk
    return RowKey(pk, f"{AWAITED}{group_key(group_id)}")


def list_pk(merchant_id: str, connection_id: str, group_id: str) -> str:
    """Return `GL#<merchant>#<connection>#<group>`: the lists of members that a shop gave."""
    return f"GL#{merchant_id}#{connection_id}#{group_key(group_id)}"


def list_part(
    merchant_id: str, connection_id: str, group_id: str, list_id: str, part: int
) -> RowKey:
    """Return `GL#<merchant>#<connection>#<group>` / `<list>#<part, six digits>`."""
    return RowKey(list_pk(merchant_id, connection_id, group_id), f"{list_id}#{part:06d}")
