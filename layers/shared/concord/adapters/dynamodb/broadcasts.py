"""Broadcasts: their headers, and the chunks that a plan adds to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from concord.adapters.dynamodb import broadcast_keys, keys
from concord.adapters.dynamodb.audit import put_audit
from concord.adapters.dynamodb.broadcast_items import broadcast_from, broadcast_item
from concord.adapters.dynamodb.chunk_items import (
    chunk_from,
    chunk_item,
    new_tally,
    tally_from,
    tally_item,
)
from concord.adapters.dynamodb.table import Table, put, update
from concord.adapters.dynamodb.task_items import task_key, write_task
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, is_broadcast_id, plan_task
from concord.domain.chunks import Chunk, ChunkKey, Tally, chunk_task
from concord.domain.errors import StorageUnavailableError
from concord.domain.identity import merchant_of
from concord.domain.tasks import RowKey, TaskSpec

_NEW: Final = "attribute_not_exists(pk)"
_HEADER: Final = 3
# As long as the answer under an Idempotency-Key, and a day more.
_MADE_FOR: Final = timedelta(hours=48)


class DynamoDbBroadcasts:
    """Broadcasts over the one table, in a partition per connection."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # --- headers -----------------------------------------------------------------------------

    def get(self, connection_id: str, broadcast_id: str) -> Broadcast | None:
        """Read strongly; None also for an id that is none."""
        if not is_broadcast_id(broadcast_id):
            return None
        try:
            merchant_id = merchant_of(connection_id)
        except ValueError:
            return None
        item = self._table.get(broadcast_keys.broadcast(merchant_id, connection_id, broadcast_id))
        return broadcast_from(item) if item else None

    def create(self, broadcast: Broadcast, audit: AuditEntry) -> Broadcast:
        """Insert and return it, or return the one that the same keyed request made before."""
        actions = [put(_row(broadcast), broadcast_item(broadcast), _NEW), put_audit(audit)]
        if broadcast.made_by:
            actions.append(put(_made_by(broadcast), _made(broadcast), _NEW))
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            earlier = self._made_before(broadcast)
            if earlier is None and not refused.answer_lost:
                raise
            return earlier or broadcast
        return broadcast

    def _made_before(self, broadcast: Broadcast) -> Broadcast | None:
        made = self._table.get(_made_by(broadcast)) if broadcast.made_by else None
        return self.get(broadcast.connection_id, made["outcome"]) if made else None

    def update(
        self,
        broadcast: Broadcast,
        now: datetime,
        *,
        wakes: bool = False,
        audit: AuditEntry | None = None,
    ) -> bool:
        """Replace on the version before; `open_chunks` is left as it is. False: stale."""
        item = broadcast_item(broadcast)
        actions = [
            update(
                _row(broadcast),
                "SET #body = :body, #state = :state, #version = :version",
                "#version = :before",
                before=broadcast.version - 1,
                **item,
            )
        ]
        if wakes:
            actions.append(write_task(broadcast.merchant_id, plan_task(broadcast), now))
        if audit is not None:
            actions.append(put_audit(audit))
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            stored = refused.at(0)
            # Ours after all: the first attempt went through and only its answer was lost.
            return (
                refused.answer_lost
                and stored is not None
                and stored.item is not None
                and item.items() <= stored.item.items()
            )
        return True

    def add_tasks(
        self, merchant_id: str, specs: Sequence[TaskSpec], now: datetime, audit: AuditEntry
    ) -> None:
        """Insert tasks and the record of who asked for them; a repeat finds them there."""
        tasks = [write_task(merchant_id, spec, now) for spec in specs]
        with suppress(TransactionRefusedError):
            self._table.transact([*tasks, put_audit(audit)])

    def of(self, connection_id: str) -> Iterator[Broadcast]:
        """Yield a connection's, newest first."""
        pk = broadcast_keys.broadcasts_pk(merchant_of(connection_id), connection_id)
        for item in self._table.query("pk = :pk", newest_first=True, pk=pk):
            yield broadcast_from(item)

    # --- the plan ----------------------------------------------------------------------------

    def add_chunk(self, broadcast: Broadcast, chunk: Chunk, now: datetime) -> Chunk | None:
        """Insert a chunk of the plan with its tally and its task, and count it open, on the
        broadcast being planned still by who read this version of it.

        Returns the chunk that stands there, which may be an earlier planner's; None = it is no
        longer being planned, or not by this one.
        """
        key = chunk.key
        actions: list[dict[str, Any]] = [
            put(broadcast_keys.chunk(key), chunk_item(chunk), _NEW),
            put(broadcast_keys.tally(key), tally_item(new_tally(chunk)), _NEW),
            write_task(key.merchant_id, chunk_task(key), now),
            update(
                _row(broadcast),
                "ADD #open_chunks :one",
                "#version = :version AND #state = :planning",
                one=1,
                version=broadcast.version,
                planning=BroadcastState.PLANNING.value,
            ),
        ]
        assert len(actions) == _HEADER + 1
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            if refused.at(_HEADER) is not None:
                return None
            there = refused.at(0)
            if there is None or there.item is None:
                raise StorageUnavailableError("a chunk kept changing while it was added") from None
            return chunk_from(key, there.item)
        return chunk

    def last_planned(self, broadcast: Broadcast) -> Tally | None:
        """Return the tally of the newest chunk of the plan, read strongly; None = there is none."""
        tallies = self._tallies(*_names(broadcast), newest_first=True)
        return next((tally for tally in tallies if not tally.parent), None)

    def planned_size(self, broadcast: Broadcast) -> int:
        """Return how many recipients its chunks of the plan hold, read strongly."""
        return sum(tally.size for tally in self._tallies(*_names(broadcast)) if not tally.parent)

    def open_rows(self, broadcast: Broadcast) -> Iterator[RowKey]:
        """Yield where the tasks are of all chunks that are not done."""
        for tally in self._tallies(*_names(broadcast)):
            if not tally.done:
                yield task_key(broadcast.merchant_id, chunk_task(tally.key))

    def tallies(self, merchant_id: str, connection_id: str, broadcast_id: str) -> Iterator[Tally]:
        """Yield the tallies of a broadcast's chunks, by name."""
        return self._tallies(merchant_id, connection_id, broadcast_id)

    def _tallies(
        self, merchant_id: str, connection_id: str, broadcast_id: str, *, newest_first: bool = False
    ) -> Iterator[Tally]:
        names = (merchant_id, connection_id, broadcast_id)
        pk = broadcast_keys.tallies_pk(*names)
        for item in self._table.query("pk = :pk", newest_first=newest_first, pk=pk):
            yield tally_from(ChunkKey(*names, item["sk"]), item)


def _names(broadcast: Broadcast) -> tuple[str, str, str]:
    return broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id


def _row(broadcast: Broadcast) -> RowKey:
    return broadcast_keys.broadcast(
        broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id
    )


def _made_by(broadcast: Broadcast) -> RowKey:
    """Return the duplicate marker of the keyed request that makes a broadcast."""
    name = f"broadcast:{broadcast.made_by}"
    return keys.marker(broadcast.merchant_id, broadcast.connection_id, name)


def _made(broadcast: Broadcast) -> dict[str, Any]:
    expires_at = broadcast.created_at + _MADE_FOR
    return {"outcome": broadcast.broadcast_id, "expires_at": int(expires_at.timestamp())}
