"""Groups as the shop names them, the lists of members that it gives, and who is awaited."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import batched
from typing import Any, Final

from concord.adapters.dynamodb import group_keys, keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, put
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.groups import GROUP_SHARDS, Group, read_group_key, shard_of_shopper
from concord.domain.tasks import RowKey, TaskSpec
from concord.domain.times import from_rfc3339, to_rfc3339

_KEY_BYTES: Final = 16
_PER_PART: Final = 6_000  # about 100 KB
_KEPT_FOR: Final = 30 * 86_400


class DynamoDbGroups:
    """Groups over the one table. Who is a member says each shopper's own item."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # --- the group itself --------------------------------------------------------------------

    def get(self, merchant_id: str, connection_id: str, group_id: str) -> Group | None:
        """Read what the shop said of a group."""
        item = self._table.get(group_keys.group(merchant_id, connection_id, group_id))
        return _group_from(merchant_id, connection_id, group_id, item) if item else None

    def save(self, group: Group, task: TaskSpec | None, now: datetime) -> bool:
        """Replace it on version = group.version - 1, with the task that works its list off; False =
        somebody else was first."""
        actions = [_put_group(group)]
        if task is not None:
            actions.append(write_task(group.merchant_id, task, now))
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            return refused.answer_lost and self.get(*_names(group)) == group
        return True

    def end(self, group: Group) -> None:
        """Forget a deleted group and its counters of nothing; what was said since stays."""
        try:
            self._table.delete(
                group_keys.group(*_names(group)), "#version = :seen", seen=group.version
            )
        except ConditionFailedError as failed:
            if failed.item is not None:
                return
        for shard in range(GROUP_SHARDS):
            try:
                self._table.delete(
                    group_keys.counters(*_names(group), shard),
                    "(attribute_not_exists(#total) OR #total = :none) AND "
                    "(attribute_not_exists(#numbers) OR #numbers = :none)",
                    none=0,
                )
            except ConditionFailedError:
                continue

    # --- lists of members --------------------------------------------------------------------

    def put_list(self, group: Group, shopper_keys: Sequence[str]) -> None:
        """Write the list that `group.list_id` will name: our keyed names, in order."""
        expires_at = int(time.time()) + _KEPT_FOR
        for number, part in enumerate(batched(sorted(shopper_keys), _PER_PART, strict=False)):
            packed = b"".join(map(bytes.fromhex, part))
            key = group_keys.list_part(*_names(group), group.list_id, number)
            self._table.put(key, {"keys": packed, "expires_at": expires_at})

    def listed(self, group: Group) -> list[str]:
        """Return the list that `group.list_id` names, in order; none for a deleted group."""
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :list)",
            pk=group_keys.list_pk(*_names(group)),
            list=f"{group.list_id}#",
        )
        return [
            item["keys"][at : at + _KEY_BYTES].hex()
            for item in found
            for at in range(0, len(item["keys"]), _KEY_BYTES)
        ]

    def forget_list(self, group: Group, list_id: str) -> None:
        """Delete a list that is worked off, or that another took the place of. Safe to repeat.

        One that is being written is nobody's yet, and is left alone.
        """
        pk = group_keys.list_pk(*_names(group))
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :list)", keys_only=True, pk=pk, list=f"{list_id}#"
        )
        for item in list(found):
            self._table.delete(RowKey(item["pk"], item["sk"]))

    def members(self, group: Group, after: str = "") -> Iterator[str]:
        """Yield the keys of those who are counted as members, in order, after `after`."""
        for shard in range(shard_of_shopper(after) if after else 0, GROUP_SHARDS):
            for item in self._table.query(
                "pk = :pk AND sk > :after",
                pk=group_keys.members_pk(*_names(group), shard),
                after=after or " ",
            ):
                yield item["sk"]

    # --- who is awaited ----------------------------------------------------------------------

    def await_member(self, group: Group, shopper_key: str) -> None:
        """Note that a group waits for a shopper whom nobody knows yet."""
        self._table.put(_awaited(group, shopper_key), {"list": group.list_id})

    def awaiting(
        self, merchant_id: str, connection_id: str, shopper_key: str
    ) -> list[tuple[str, str]]:
        """Return the groups that wait for a shopper, each with its list that named her."""
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)",
            pk=keys.shopper(merchant_id, connection_id, shopper_key).pk,
            prefix=group_keys.AWAITED,
        )
        return [
            (read_group_key(item["sk"].removeprefix(group_keys.AWAITED)), item["list"])
            for item in found
        ]

    def await_no_more(
        self, merchant_id: str, connection_id: str, shopper_key: str, group_id: str, list_id: str
    ) -> None:
        """Take the note of this list away; that of a later one stays."""
        key = group_keys.awaited(merchant_id, connection_id, shopper_key, group_id)
        try:
            self._table.delete(key, "#list = :list", list=list_id)
        except ConditionFailedError:
            return


def _names(group: Group) -> tuple[str, str, str]:
    return group.merchant_id, group.connection_id, group.group_id


def _awaited(group: Group, shopper_key: str) -> RowKey:
    return group_keys.awaited(group.merchant_id, group.connection_id, shopper_key, group.group_id)


def _put_group(group: Group) -> dict[str, Any]:
    item: Item = {
        "name": group.name,
        "version": group.version,
        "deleted": group.deleted or None,
        "list": group.list_id or None,
        "listed": group.listed or None,
        "listed_at": to_rfc3339(group.listed_at) if group.listed_at else None,
    }
    key = group_keys.group(*_names(group))
    if group.version == 1:
        return put(key, item, "attribute_not_exists(pk)")
    return put(key, item, "#version = :before", before=group.version - 1)


def _group_from(merchant_id: str, connection_id: str, group_id: str, item: Item) -> Group:
    listed_at = item.get("listed_at")
    return Group(
        merchant_id,
        connection_id,
        group_id,
        item["name"],
        item["version"],
        deleted=item.get("deleted", False),
        list_id=item.get("list", ""),
        listed=item.get("listed", 0),
        listed_at=from_rfc3339(listed_at) if listed_at else None,
    )
