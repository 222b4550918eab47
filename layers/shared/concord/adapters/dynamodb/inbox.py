"""The kept bodies, for operators: by id, and by time over the shards of each day."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.inbox_items import entry_from
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.translate import ConditionFailedError
from concord.domain.inbox import InboxEntry, InboxState
from concord.domain.times import to_rfc3339


class DynamoDbInbox:
    """Inbox over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str, inbox_id: str) -> InboxEntry | None:
        """Read one body; None for an id that was never ours."""
        try:
            key = keys.inbox(merchant_id, inbox_id)
        except ValueError:
            return None
        item = self._table.get(key)
        return entry_from(item) if item else None

    def between(
        self, merchant_id: str, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[InboxEntry]:
        """Yield the bodies received from `start` up to, not at, `end`, oldest first.

        `after` is the id of the last one seen. ValueError: it is not an inbox id.
        """
        for item in self._between(merchant_id, start, end, after, keys_only=False):
            yield entry_from(item)

    def ids_between(
        self, merchant_id: str, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[str]:
        """Yield the ids of what `between` yields; the bodies stay where they are."""
        for item in self._between(merchant_id, start, end, after, keys_only=True):
            yield keys.inbox_id_in(item["sk"])

    def _between(
        self,
        merchant_id: str,
        start: datetime,
        end: datetime,
        after: str | None,
        *,
        keys_only: bool,
    ) -> Iterator[Item]:
        low = to_rfc3339(start)
        if after is not None:
            low = max(low, keys.inbox(merchant_id, after).sk)
            start = max(start, keys.inbox_time(after))
        high = to_rfc3339(end)
        if low > high:
            return
        for day in keys.inbox_days(start, end):
            shards = [
                self._shard(keys.inbox_pk(merchant_id, day, shard), low, high, keys_only)
                for shard in range(keys.INBOX_SHARDS)
            ]
            for item in heapq.merge(*shards, key=lambda item: item["sk"]):
                if keys.inbox_id_in(item["sk"]) != after:
                    yield item

    def _shard(self, pk: str, low: str, high: str, keys_only: bool) -> Iterator[Item]:
        # Every id follows its time in the sort key, so nothing sorts at `high` itself.
        return self._table.query(
            "pk = :pk AND sk BETWEEN :low AND :high", keys_only=keys_only, pk=pk, low=low, high=high
        )

    def set_state(self, entry: InboxEntry, state: InboxState, error: str = "") -> None:
        """Note what became of a replay, and count it; a body that its 30 days took stays away."""
        try:
            self._table.update(
                keys.inbox(entry.merchant_id, entry.inbox_id),
                "SET #state = :state, #error = :error ADD #replays :one",
                "attribute_exists(pk)",
                state=state.value,
                error=error,
                one=1,
            )
        except ConditionFailedError:
            return
