"""The audit trail: written in the transaction of the change that it tells of."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, put
from concord.domain.audit import AuditEntry
from concord.domain.times import from_rfc3339, to_rfc3339


def put_audit(entry: AuditEntry) -> dict[str, Any]:
    """Return the put of one entry; its id is random, so entries of one moment live side by side."""
    item: Item = {
        "at": to_rfc3339(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "details": json.dumps(dict(entry.details), ensure_ascii=False),
    }
    key = keys.audit(entry.merchant_id, entry.connection_id, entry.at, uuid.uuid4().hex[:12])
    return put(key, item)


class DynamoDbAudit:
    """Audit over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, merchant_id: str, connection_id: str) -> Iterator[AuditEntry]:
        """Yield the entries of a connection (or of the merchant itself: ""), newest first."""
        for item in self._table.query(
            "pk = :pk", newest_first=True, pk=keys.audit_pk(merchant_id, connection_id)
        ):
            yield AuditEntry(
                merchant_id=merchant_id,
                connection_id=connection_id,
                at=from_rfc3339(item["at"]),
                actor=item["actor"],
                action=item["action"],
                details=json.loads(item["details"]),
            )
