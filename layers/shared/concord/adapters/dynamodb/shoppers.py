"""Mirrored shoppers, and who carries a number or an address."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.adapters.dynamodb.translate import ConditionFailedError
from concord.domain.shopper import Carriers, Shopper
from concord.domain.tasks import RowKey, TaskSpec


class DynamoDbShoppers:
    """Shoppers over the one table.

    The shopper's own item is the truth; the link from a point to her says only "look there". Links
    are put before the item and taken away after it, so at no moment is one missing.
    """

    def __init__(self, table: Table, tasks: DynamoDbTasks) -> None:
        self._table = table
        self._tasks = tasks

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Shopper | None:
        """Read a shopper."""
        item = self._table.get(keys.shopper(merchant_id, connection_id, shopper_key))
        if item is None:
            return None
        return Shopper(
            merchant_id=merchant_id,
            connection_id=connection_id,
            shopper_key=shopper_key,
            shopper_id=item["shopper_id"],
            profile=json.loads(item["profile"]),
            phones=item["phones"],
            emails=item["emails"],
            digest=item["digest"],
            version=item["version"],
            active=item["active"],
        )

    def save(self, shopper: Shopper, before: Shopper | None, tasks: Sequence[TaskSpec]) -> bool:
        """Write links, shopper, tasks and, last, the digest; False = somebody else was first.

        The digest says "all that this shopper causes is done". While tasks are still to be inserted
        the item has none, so that a crash in between leaves her looking changed.
        """
        new, old = _points(shopper), _points(before) if before else set()
        for point_id in sorted(new - old):
            self._table.put(_link(shopper, point_id), {"version": shopper.version})
        if not self._put(shopper, before, digest="" if tasks else shopper.digest):
            return False
        now = datetime.now(UTC)
        for spec in tasks:
            self._tasks.ensure(shopper.merchant_id, spec, now)
        if tasks and not self._finish(shopper):
            return False
        for point_id in sorted(old - new):
            self._unlink(shopper, point_id)
        return True

    def carrying(self, merchant_id: str, connection_id: str, point_id: str) -> Carriers:
        """Return who carries a point, and whether a review says that nobody does: one query."""
        found, unmatched = [], False
        for item in self._table.query(
            "pk = :pk", pk=keys.carriers_pk(merchant_id, connection_id, point_id)
        ):
            if item["sk"] == keys.UNMATCHED:
                unmatched = True
                continue
            shopper_key = item["sk"].removeprefix(keys.CARRIER)
            shopper = self.get(merchant_id, connection_id, shopper_key)
            if shopper is not None and shopper.active and point_id in _points(shopper):
                found.append(shopper.shopper_id)
        return Carriers(tuple(found), unmatched)

    def _put(self, shopper: Shopper, before: Shopper | None, digest: str) -> bool:
        item: Item = {
            "shopper_id": shopper.shopper_id,
            "profile": json.dumps(dict(shopper.profile), ensure_ascii=False),
            "phones": dict(shopper.phones),
            "emails": dict(shopper.emails),
            "digest": digest,
            "version": shopper.version,
            "active": shopper.active,
        }
        key = keys.shopper(shopper.merchant_id, shopper.connection_id, shopper.shopper_key)
        try:
            if before is None:
                self._table.put(key, item, "attribute_not_exists(pk)")
            else:
                self._table.put(key, item, "#version = :before", before=before.version)
        except ConditionFailedError as failed:
            stored = {k: v for k, v in (failed.item or {}).items() if k not in ("pk", "sk")}
            return failed.answer_lost and stored == item
        return True

    def _finish(self, shopper: Shopper) -> bool:
        try:
            self._table.update(
                keys.shopper(shopper.merchant_id, shopper.connection_id, shopper.shopper_key),
                "SET #digest = :digest",
                "#version = :version",
                digest=shopper.digest,
                version=shopper.version,
            )
        except ConditionFailedError:
            return False
        return True

    def _unlink(self, shopper: Shopper, point_id: str) -> None:
        """Take a link away, unless a later save has put it back."""
        try:
            self._table.delete(
                _link(shopper, point_id), "#version < :version", version=shopper.version
            )
        except ConditionFailedError:
            return


def _points(shopper: Shopper) -> set[str]:
    return {*shopper.phones, *shopper.emails}


def _link(shopper: Shopper, point_id: str) -> RowKey:
    return keys.carrier(shopper.merchant_id, shopper.connection_id, point_id, shopper.shopper_key)
