"""Exported contacts and newsletter subscriptions in the one table."""

from __future__ import annotations

from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.translate import ConditionFailedError
from concord.domain.exports import Export, Subscription
from concord.domain.tasks import RowKey


class DynamoDbExports:
    """Exports over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Export | None:
        """Read what the last confirmed write said, strongly."""
        item = self._table.get(export_key(merchant_id, connection_id, shopper_key))
        if item is None:
            return None
        where = (merchant_id, connection_id, shopper_key)
        return Export(*where, item["digest"], item["version"], item["seq"])

    def put(self, export: Export) -> None:
        """Note a confirmed write."""
        key = export_key(export.merchant_id, export.connection_id, export.shopper_key)
        values = {"digest": export.digest, "version": export.version, "seq": export.seq}
        self._table.put(key, values)


class DynamoDbSubscriptions:
    """Subscriptions over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str, connection_id: str, point_id: str) -> Subscription:
        """Read one, strongly."""
        item = self._table.get(subscription_key(merchant_id, connection_id, point_id)) or {}
        return Subscription(
            merchant_id,
            connection_id,
            point_id,
            **{name: item[name] for name in _STORED if name in item},
        )

    def save(self, subscription: Subscription) -> bool:
        """Replace it on the version before."""
        values = {name: getattr(subscription, name) for name in _STORED}
        key = subscription_key(
            subscription.merchant_id, subscription.connection_id, subscription.point_id
        )
        before = subscription.version - 1
        try:
            if before:
                self._table.put(key, values, "#version = :before", before=before)
            else:
                self._table.put(key, values, "attribute_not_exists(pk)")
        except ConditionFailedError as failed:
            # Ours after all: the first attempt went through and only its answer was lost.
            stored = failed.item or {}
            return failed.answer_lost and {name: stored.get(name) for name in _STORED} == values
        return True


_STORED = ("subscribed", "changes", "settled", "awarded", "parked", "version")


def export_key(merchant_id: str, connection_id: str, shopper_key: str) -> RowKey:
    """Return `CX#<merchant>#<connection>#<shopper key>` / `EXPORT`."""
    return RowKey(f"CX#{merchant_id}#{connection_id}#{shopper_key}", "EXPORT")


def subscription_key(merchant_id: str, connection_id: str, point_id: str) -> RowKey:
    """Return `CX#<merchant>#<connection>#<point_id>` / `SUBSCRIPTION`."""
    return RowKey(f"CX#{merchant_id}#{connection_id}#{point_id}", "SUBSCRIPTION")
