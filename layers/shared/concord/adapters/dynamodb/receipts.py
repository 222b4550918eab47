"""What was told of a slice's recipients, in a few bytes: half a byte each, and codes of failures.

So the receipts of a whole bulk call fit into 1 KB, and a write of them costs one unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import batched
from typing import Final

from concord.adapters.dynamodb import broadcast_keys as keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.translate import ConditionFailedError
from concord.domain.chunks import ChunkKey
from concord.domain.events import DeliveryStatus
from concord.domain.receipts import SliceReceipts, Told

_STATUSES: Final = {status.rank + 1: status for status in DeliveryStatus}  # 0 = nothing was told
_PLACE_BYTES: Final = 2


class DynamoDbReceipts:
    """Receipts over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: ChunkKey, number: int) -> SliceReceipts | None:
        """Read what was told of a slice, strongly."""
        item = self._table.get(keys.receipts_row(key, number))
        return _from_item(key, number, item) if item else None

    def put(self, receipts: SliceReceipts) -> bool:
        """Write on the version that was read. False: it moved on.

        That may be our own first try, whose answer was lost: merging once more then finds nothing
        new to write.
        """
        row = keys.receipts_row(receipts.key, receipts.number)
        item = {"version": receipts.version + 1, **_packed(receipts.told)}
        try:
            if receipts.version == 0:
                self._table.put(row, item, "attribute_not_exists(pk)")
            else:
                self._table.put(row, item, "#version = :expected", expected=receipts.version)
        except ConditionFailedError:
            return False
        return True

    def of_chunk(self, key: ChunkKey) -> Iterator[SliceReceipts]:
        """Yield those of a chunk's slices, by number."""
        pk = keys.receipts_pk(key.merchant_id, key.connection_id, key.broadcast_id)
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)", pk=pk, prefix=f"{key.chunk}#"
        )
        yield from (_of_row(key.merchant_id, key.connection_id, item) for item in found)

    def of(
        self, merchant_id: str, connection_id: str, broadcast_id: str
    ) -> Iterator[SliceReceipts]:
        """Yield those of all slices of a broadcast, by chunk and number."""
        pk = keys.receipts_pk(merchant_id, connection_id, broadcast_id)
        found = self._table.query("pk = :pk", pk=pk, consistent=False)
        yield from (_of_row(merchant_id, connection_id, item) for item in found)


def _of_row(merchant_id: str, connection_id: str, item: Item) -> SliceReceipts:
    broadcast_id = item["pk"].rpartition("#")[2]
    chunk, _, number = item["sk"].rpartition("#")
    key = ChunkKey(merchant_id, connection_id, broadcast_id, chunk)
    return _from_item(key, int(number), item)


def _packed(told: Mapping[int, Told]) -> Item:
    """Return `ranks`, two recipients a byte, and `codes`: the places of each, two bytes a place."""
    ranks = bytearray(max(told, default=-1) // 2 + 1)
    places: dict[str, list[int]] = defaultdict(list)
    for place, each in sorted(told.items()):
        ranks[place // 2] |= (each.status.rank + 1) << (4 * (place % 2))
        if each.code:
            places[each.code].append(place)
    codes = {
        code: b"".join(place.to_bytes(_PLACE_BYTES) for place in places[code])
        for code in sorted(places)
    }
    return {"ranks": bytes(ranks), "codes": codes or None}


def _from_item(key: ChunkKey, number: int, item: Item) -> SliceReceipts:
    codes = {
        int.from_bytes(bytes(pair)): code
        for code, places in item.get("codes", {}).items()
        for pair in batched(places, _PLACE_BYTES, strict=True)
    }
    halves = (half for byte in item["ranks"] for half in (byte & 15, byte >> 4))
    told = {
        place: Told(_STATUSES[rank], codes.get(place, ""))
        for place, rank in enumerate(halves)
        if rank
    }
    return SliceReceipts(key, number, told, item["version"])
