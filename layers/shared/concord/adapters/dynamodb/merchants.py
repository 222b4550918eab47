"""Merchants."""

from __future__ import annotations

import json
from datetime import date

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.audit import put_audit
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.nights import move
from concord.adapters.dynamodb.table import Table, put
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.audit import AuditEntry
from concord.domain.merchant import Merchant


class DynamoDbMerchants:
    """Merchants over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str) -> Merchant | None:
        """Read a merchant."""
        item = self._table.get(keys.merchant(merchant_id))
        return merchant_from(merchant_id, item) if item else None

    def put(self, merchant: Merchant, audit: AuditEntry, before: Merchant | None = None) -> bool:
        """Insert or replace, with the audit entry in the same transaction."""
        item: Item = {
            "name": merchant.name,
            "time_zone": merchant.time_zone,
            "country": merchant.country,
            "allow_multi_link": merchant.allow_multi_link,
            "quiet_hours": json.dumps(dict(merchant.quiet_hours)),
            "frequency_cap": json.dumps(dict(merchant.frequency_cap)),
            "not_before": merchant.not_before and merchant.not_before.isoformat(),
        }
        key, moves = keys.merchant(merchant.merchant_id), []
        if before is None:
            written = put(key, item)
        else:
            # A zone that somebody else changed meanwhile is not set back: his nights have moved.
            written = put(key, item, "#time_zone = :zone", zone=before.time_zone)
            if before.time_zone != merchant.time_zone:
                zones = before.time_zone, merchant.time_zone
                moves = move(self._table, merchant.merchant_id, *zones)
        try:
            self._table.transact([written, put_audit(audit), *moves])
        except TransactionRefusedError as refused:
            return refused.answer_lost and self.get(merchant.merchant_id) == merchant
        return True


def merchant_from(merchant_id: str, item: Item) -> Merchant:
    """Return the merchant that an item holds."""
    not_before = item.get("not_before")
    return Merchant(
        merchant_id=merchant_id,
        name=item["name"],
        time_zone=item["time_zone"],
        country=item["country"],
        allow_multi_link=item["allow_multi_link"],
        quiet_hours=json.loads(item["quiet_hours"]),
        frequency_cap=json.loads(item["frequency_cap"]),
        not_before=date.fromisoformat(not_before) if not_before else None,
    )
