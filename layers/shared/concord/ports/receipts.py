"""Receipts of broadcasts: the queue in front of them, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from concord.domain.chunks import Chunk, ChunkKey, Slice, Tally
from concord.domain.receipts import QueuedReceipt, SliceReceipts


class ReceiptQueue(Protocol):
    """Where receipts wait to be merged many at a time."""

    def put(self, receipt: QueuedReceipt) -> None:
        """Queue one, in one request. Raises ReceiptQueueError: the platform is to repeat it."""


class Receipts(Protocol):
    """What the platform told of each slice, in a row of its own."""

    def get(self, key: ChunkKey, number: int) -> SliceReceipts | None:
        """Read strongly."""

    def put(self, receipts: SliceReceipts) -> bool:
        """Write on the version that was read (0 = there was none). False: it moved on."""

    def of_chunk(self, key: ChunkKey) -> Iterator[SliceReceipts]:
        """Yield those of a chunk's slices, by number."""

    def of(
        self, merchant_id: str, connection_id: str, broadcast_id: str
    ) -> Iterator[SliceReceipts]:
        """Yield those of all slices of a broadcast, by chunk and number."""


class HandedOverSlices(Protocol):
    """What receipts are about, and may change."""

    def get(self, key: ChunkKey) -> Chunk | None:
        """Read a chunk's recipients."""

    def slice(self, key: ChunkKey, number: int) -> Slice | None:
        """Read one slice, strongly."""

    def tally(self, key: ChunkKey) -> Tally | None:
        """Read what became of a chunk's recipients, counted."""

    def settle(self, before: Slice, after: Slice) -> bool:
        """Replace a slice some of whose uncertain recipients turned out to have been texted, and
        count them anew, in one write. False: it is no longer as it was in `before`."""
