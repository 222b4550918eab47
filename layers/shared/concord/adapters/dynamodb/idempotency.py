"""Answers to admin clients under their Idempotency-Key, kept 24 hours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.translate import ConditionFailedError
from concord.ports import StoredAnswer

_KEPT_FOR: Final = timedelta(hours=24)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DynamoDbIdempotency:
    """Idempotency over the one table."""

    def __init__(self, table: Table, now: Callable[[], datetime] = _utc_now) -> None:
        self._table = table
        self._now = now

    def find(self, merchant_id: str, key: str) -> StoredAnswer | None:
        """Return the answer that was given under this key within the last 24 hours.

        The table's TTL comes round late, so time is compared here.
        """
        item = self._table.get(keys.answer(merchant_id, key))
        if item is None or item["expires_at"] <= self._now().timestamp():
            return None
        return StoredAnswer(item["body_hash"], item["status"], json.loads(item["body"]))

    def store(self, merchant_id: str, key: str, answer: StoredAnswer, now: datetime) -> None:
        """Keep an answer; of two given at once, the first one stays."""
        item: Item = {
            "body_hash": answer.body_hash,
            "status": answer.status,
            "body": json.dumps(dict(answer.body), ensure_ascii=False),
            "expires_at": int((now + _KEPT_FOR).timestamp()),
        }
        try:
            self._table.put(
                keys.answer(merchant_id, key),
                item,
                "attribute_not_exists(pk) OR #expires_at <= :now",
                now=int(now.timestamp()),
            )
        except ConditionFailedError:
            return
