"""Whose a receipt is: places within a slice, and the point ids that stand there."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from concord.domain.chunks import Chunk, ChunkKey, Slice
from concord.domain.receipts import QueuedReceipt
from concord.ports import HandedOverSlices

# Receipts of one chunk come in a row, and each would read its 32 KB.
_CHUNKS_KEPT: Final = 32
_SPANS_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of its chunk a slice is: `first` is the place of the first, `size` how many."""

    first: int
    size: int


class PlaceReceipts:
    """Remembers chunks, and where slices begin and end in them: neither ever changes."""

    def __init__(self, slices: HandedOverSlices) -> None:
        self._slices = slices
        self._chunks: dict[ChunkKey, Chunk] = {}
        self._spans: dict[tuple[ChunkKey, int], Span] = {}

    def span(self, key: ChunkKey, number: int) -> Span | None:
        """Return the slice's part as far as it is remembered. No request."""
        return self._spans.get((key, number))

    def load(self, key: ChunkKey, number: int) -> Slice | None:
        """Read a slice, and remember its part. A slice is claimed before anything is handed over:
        of what has none there can be no receipt."""
        part = self._slices.slice(key, number)
        if part is not None:
            _remember(self._spans, (key, number), Span(part.first, len(part.decided)), _SPANS_KEPT)
        return part

    def place(self, key: ChunkKey, receipt: QueuedReceipt) -> int | None:
        """Return the recipient's place in the slice; None = nobody of it."""
        span = self.span(key, receipt.ref.number)
        if span is None:
            return None
        place = receipt.ref.place
        if place is None:
            chunk = self._chunk(key)
            points = chunk.points if chunk else ()
            at = bisect_left(points, receipt.point_id)
            if at == len(points) or points[at] != receipt.point_id:
                return None
            place = at - span.first
        return place if 0 <= place < span.size else None

    def point(self, key: ChunkKey, number: int, place: int) -> str:
        """Return the point id at a place of a slice, "" if there is none."""
        chunk = self._chunk(key)
        span = self.span(key, number) or (self.load(key, number) and self.span(key, number))
        if chunk is None or not span or span.first + place >= len(chunk.points):
            return ""
        return chunk.points[span.first + place]

    def _chunk(self, key: ChunkKey) -> Chunk | None:
        if key not in self._chunks:
            chunk = self._slices.get(key)
            if chunk is None:
                return None
            _remember(self._chunks, key, chunk, _CHUNKS_KEPT)
        return self._chunks[key]


def _remember[K, V](kept: dict[K, V], key: K, value: V, most: int) -> None:
    while len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value
