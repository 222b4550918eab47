"""Chunks, their slices and tallies: nothing is handed over that was not claimed first.

A slice is put where none is, and changed only while its texts may be on their way. So whoever
claimed it is the one who hands it over, whatever became of leases meanwhile (ADR 17).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from concord.adapters.dynamodb import broadcast_keys as keys
from concord.adapters.dynamodb.chunk_items import (
    chunk_from,
    chunk_item,
    new_tally,
    tally_from,
    tally_item,
)
from concord.adapters.dynamodb.slice_items import pack, slice_from, slice_item
from concord.adapters.dynamodb.table import Table, put, update
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.chunks import Chunk, ChunkKey, Outcome, Slice, SliceState, Tally, chunk_task
from concord.domain.put_off import PutOff
from concord.domain.tasks import LONGEST_WAIT

_NEW: Final = "attribute_not_exists(pk)"
_IN_DOUBT: Final = "#state = :claimed"
_NOT_DONE: Final = "#done = :false"


class DynamoDbChunks:
    """Chunks over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: ChunkKey) -> Chunk | None:
        """Read a chunk's recipients."""
        item = self._table.get(keys.chunk(key))
        return chunk_from(key, item) if item else None

    def slices(self, key: ChunkKey) -> Sequence[Slice]:
        """Return the slices that were claimed so far, in order."""
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)", pk=keys.chunk_pk(key), prefix=keys.SLICE
        )
        return [slice_from(key, item) for item in found]

    def slice(self, key: ChunkKey, number: int) -> Slice | None:
        """Read one slice."""
        row = keys.slice_row(key, number)
        item = self._table.get(row)
        return slice_from(key, item | {"sk": row.sk}) if item else None

    # --- handing over ------------------------------------------------------------------------

    def advance(
        self,
        done: Slice | None,
        claim: Slice | None,
        put_off: Sequence[PutOff],
        now: datetime,
    ) -> bool:
        """Store what became of a slice and claim the next, in one write.

        The chunks of those who were put off go first, each in a transaction of its own that a
        repeat finds done: what is decided stands in the claim, so they come out the same.
        """
        for each in put_off:
            self._put_off(each, now)
        writes = [self._put(done, _IN_DOUBT)] if done else []
        writes += [self._put(claim, _NEW)] if claim else []
        try:
            self._write(writes)
        except (ConditionFailedError, TransactionRefusedError) as refused:
            # Ours after all: an earlier try went through and only its answer was lost.
            return refused.answer_lost and all(map(self._stands, filter(None, (done, claim))))
        return True

    def _put(self, part: Slice, condition: str) -> dict[str, Any]:
        values = {"claimed": SliceState.CLAIMED.value} if condition is _IN_DOUBT else {}
        return put(keys.slice_row(part.key, part.number), slice_item(part), condition, **values)

    def _write(self, writes: Sequence[dict[str, Any]]) -> None:
        if len(writes) == 1:
            self._table.write(writes[0])  # a transaction of one costs twice as much
        elif writes:
            self._table.transact(writes)

    def _stands(self, part: Slice) -> bool:
        return self.slice(part.key, part.number) == part

    def _put_off(self, put_off: PutOff, now: datetime) -> None:
        chunk, due_at = put_off.chunk, put_off.due_at
        key, far = chunk.key, due_at - now > LONGEST_WAIT
        task = write_task(key.merchant_id, chunk_task(key, due_at), now, due_at if far else None)
        actions = [
            put(keys.chunk(key), chunk_item(chunk), _NEW),
            put(keys.tally(key), tally_item(new_tally(chunk, put_off.parent)), _NEW),
            task,
            _count_open(key, 1),
        ]
        try:
            self._table.transact(actions)
        except TransactionRefusedError:
            if self._table.get(keys.chunk(key)) is None:
                raise  # not because it is there

    # --- what became of it -------------------------------------------------------------------

    def settle(self, before: Slice, after: Slice) -> bool:
        """Replace a slice some of whose recipients turned out to have been texted after all, and
        count them anew, in one transaction. False: it is no longer as it was in `before`."""
        row = keys.slice_row(before.key, before.number)
        by = _count(before, Outcome.UNCERTAIN) - _count(after, Outcome.UNCERTAIN)
        moved = update(
            keys.tally(before.key),
            "SET #counts.#sent = if_not_exists(#counts.#sent, :zero) + :by, "
            "#counts.#uncertain = if_not_exists(#counts.#uncertain, :by) - :by "
            "ADD #settled :one",
            "attribute_exists(pk)",
            zero=0,
            by=by,
            one=1,
        )
        seen = pack(before.decided)
        try:
            self._table.transact(
                [put(row, slice_item(after), "#decided = :seen", seen=seen), moved]
            )
        except TransactionRefusedError as refused:
            return refused.answer_lost and self._stands(after)
        return True

    def put_tally(self, tally: Tally) -> bool:
        """Write how far a chunk is; never over one that is done."""
        condition, values = _as_seen(tally)
        try:
            self._table.put(keys.tally(tally.key), tally_item(tally), condition, **values)
        except ConditionFailedError as failed:
            return bool(failed.item and failed.item["done"]) or failed.answer_lost
        return True

    def finish(self, tally: Tally) -> bool:
        """Close a chunk: its tally done, one open chunk less. Once, however often it is called."""
        condition, values = _as_seen(tally)
        written = put(keys.tally(tally.key), tally_item(tally), condition, **values)
        try:
            self._table.transact([written, _count_open(tally.key, -1)])
        except TransactionRefusedError:
            stored = self.tally(tally.key)
            return stored is not None and stored.done
        return True

    def tally(self, key: ChunkKey) -> Tally | None:
        """Read the tally of one chunk."""
        item = self._table.get(keys.tally(key))
        return tally_from(key, item) if item else None

    def tallies(self, merchant_id: str, connection_id: str, broadcast_id: str) -> Iterator[Tally]:
        """Yield the tallies of a broadcast's chunks, by name."""
        pk = keys.tallies_pk(merchant_id, connection_id, broadcast_id)
        for item in self._table.query("pk = :pk", pk=pk):
            yield tally_from(ChunkKey(merchant_id, connection_id, broadcast_id, item["sk"]), item)


def _count_open(key: ChunkKey, by: int) -> dict[str, Any]:
    row = keys.broadcast(key.merchant_id, key.connection_id, key.broadcast_id)
    return update(row, "ADD #open_chunks :by", "attribute_exists(pk)", by=by)


def _as_seen(tally: Tally) -> tuple[str, dict[str, Any]]:
    """Return the condition that nothing was settled since the slices were counted."""
    condition = f"{_NOT_DONE} AND (attribute_not_exists(#settled) OR #settled = :settled)"
    return condition, {"false": False, "settled": tally.settled}


def _count(part: Slice, outcome: Outcome) -> int:
    return sum(each.outcome is outcome for each in part.decided)
