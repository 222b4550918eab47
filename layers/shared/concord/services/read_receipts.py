"""What platforms told of a broadcast: in all for its report, and of each recipient of a chunk."""

from __future__ import annotations

from collections.abc import Mapping

from concord.domain.chunks import ChunkKey
from concord.domain.receipts import ReceiptCounts, Told, counted
from concord.ports import Receipts


class ReadReceipts:
    """Read when somebody looks: the rows of slices are the only thing that is written."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts

    def totals(self, merchant_id: str, connection_id: str, broadcast_id: str) -> ReceiptCounts:
        """Return the newest word on every text, counted. One Query; 1 MB of rows a page, that is a
        thousand bulk calls or some thousand slices of ten."""
        return counted(self._receipts.of(merchant_id, connection_id, broadcast_id))

    def of_chunk(self, key: ChunkKey) -> Mapping[tuple[int, int], Told]:
        """Return what was told of a chunk's recipients, by (slice, place in the slice)."""
        return {
            (each.number, place): told
            for each in self._receipts.of_chunk(key)
            for place, told in each.told.items()
        }
