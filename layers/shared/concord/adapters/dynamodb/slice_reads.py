"""The last look before a hand-over: consents, the broadcast and its sender in one request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from concord.adapters.dynamodb import broadcast_keys as keys
from concord.adapters.dynamodb import keys as all_keys
from concord.adapters.dynamodb.broadcast_items import broadcast_from
from concord.adapters.dynamodb.chunk_items import chunk_from, tally_from
from concord.adapters.dynamodb.consent_items import record_from
from concord.adapters.dynamodb.merchants import merchant_from
from concord.adapters.dynamodb.pace import is_down
from concord.adapters.dynamodb.table import Table
from concord.domain.chunks import ChunkKey
from concord.domain.evidence import ConsentKey
from concord.domain.pacing import SenderAccount
from concord.ports.broadcasts import ChunkStart, HandOverFacts


class DynamoDbHandOverReads:
    """HandOverReads over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def start(self, key: ChunkKey) -> ChunkStart:
        """Read everything but the slices, in one request."""
        header = keys.broadcast(key.merchant_id, key.connection_id, key.broadcast_id)
        merchant, chunk, tally = (
            all_keys.merchant(key.merchant_id),
            keys.chunk(key),
            keys.tally(key),
        )
        found = self._table.get_many([header, merchant, chunk, tally])
        return ChunkStart(
            merchant=merchant_from(key.merchant_id, found[merchant]) if merchant in found else None,
            broadcast=broadcast_from(found[header]) if header in found else None,
            chunk=chunk_from(key, found[chunk]) if chunk in found else None,
            tally=tally_from(key, found[tally]) if tally in found else None,
        )

    def facts(
        self,
        chunk: ChunkKey,
        account: SenderAccount,
        consents: Sequence[ConsentKey],
        now: datetime,
    ) -> HandOverFacts:
        """Read everything strongly, a hundred items a request."""
        header = keys.broadcast(chunk.merchant_id, chunk.connection_id, chunk.broadcast_id)
        pace = keys.pace(account)
        rows = {all_keys.consent_state(key): key for key in consents}
        found = self._table.get_many([header, pace, *rows])
        stored = found.get(header)
        return HandOverFacts(
            broadcast=broadcast_from(stored) if stored else None,
            sender_down=is_down(found.get(pace), now),
            records={
                key.point_id: record_from(key, found[row])
                for row, key in rows.items()
                if row in found
            },
        )
