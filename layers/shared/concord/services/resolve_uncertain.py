"""Let receipts settle what nobody knew: whether an uncertain recipient was texted (R-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from concord.domain.chunks import ChunkKey
from concord.domain.errors import StorageUnavailableError
from concord.domain.receipts import settled
from concord.ports import HandedOverSlices, Receipts

_ATTEMPTS: Final = 8

type Finish = Callable[[str, str], None]
"""Writes a broadcast's report anew if it is over (`finish_broadcast.FinishBroadcast`)."""


class ResolveUncertain:
    """To be called by both who write: by whoever merged a receipt, and by whoever closes a chunk
    that has uncertain recipients, each after its own write. Of two that write at once, the later
    one sees both, so none is left over, whatever came first."""

    def __init__(self, receipts: Receipts, slices: HandedOverSlices, finish: Finish) -> None:
        self._receipts = receipts
        self._slices = slices
        self._finish = finish

    def __call__(self, key: ChunkKey, number: int, *, again: bool = False) -> None:
        """Settle what can be; the report of a broadcast that is over says so too. `again`: the
        first time may have died between the two. Raises StorageError."""
        if self._settle(key, number) or again:
            tally = self._slices.tally(key)
            if tally is not None and tally.done and tally.settled:
                self._finish(key.connection_id, key.broadcast_id)

    def _settle(self, key: ChunkKey, number: int) -> bool:
        for _ in range(_ATTEMPTS):
            part, receipts = self._slices.slice(key, number), self._receipts.get(key, number)
            after = settled(part, receipts) if part and receipts else None
            if part is None or after is None:
                return False
            if self._slices.settle(part, after):
                return True
        raise StorageUnavailableError("a slice kept changing while it was settled")
