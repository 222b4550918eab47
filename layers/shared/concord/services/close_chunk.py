"""Close a chunk once everybody in it has an outcome, and with the last the broadcast (R-09)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from concord.domain.chunks import ChunkKey, Decided, Outcome, Slice, SliceState, Tally
from concord.domain.errors import StorageUnavailableError
from concord.domain.pacing import SenderAccount
from concord.domain.tallies import is_whole, tally_of
from concord.ports import Clock, TaskQueue
from concord.ports.broadcasts import Chunks, Pace
from concord.services.finish_broadcast import FinishBroadcast
from concord.services.keep_pace import tell_waiting
from concord.services.resolve_uncertain import ResolveUncertain

_ROUNDS: Final = 8


class CloseChunk:
    """Counts a chunk, closes it once, and tells those who waited for the sender."""

    def __init__(
        self,
        *,
        chunks: Chunks,
        pace: Pace,
        queue: TaskQueue,
        finish: FinishBroadcast,
        resolve: ResolveUncertain,
        clock: Clock,
    ) -> None:
        self._chunks = chunks
        self._pace = pace
        self._queue = queue
        self._finish = finish
        self._resolve = resolve
        self._clock = clock

    def count(self, tally: Tally, slices: list[Slice]) -> None:
        """Write how far the chunk is; who is told meanwhile that she was texted is counted next
        time."""
        self._chunks.put_tally(tally_of(tally, slices))

    def __call__(
        self,
        key: ChunkKey,
        tally: Tally,
        slices: list[Slice],
        account: SenderAccount,
        skipped: str = "",
    ) -> bool:
        """Close the chunk. Whoever stands in no slice is skipped for the reason `skipped`. Safe to
        repeat, whatever was done of it before. False: another worker claimed a slice meanwhile."""
        if not tally.done:
            if skipped and not self._skip_rest(tally, slices, skipped):
                return False
            for part in slices:
                if part.places(Outcome.UNCERTAIN):  # its receipts may have been here first
                    self._resolve(key, part.number)
            self._close(key, tally, slices)
        self._finish(key.connection_id, key.broadcast_id)
        tell_waiting(self._pace, account, self._queue, self._clock.now())
        return True

    def _skip_rest(self, tally: Tally, slices: list[Slice], reason: str) -> bool:
        """Add whoever stands in no slice as one that is done. It is the next that a worker which
        was held up would claim: so it hands nobody over any more, and counts nobody twice."""
        first, now = sum(len(part.decided) for part in slices), self._clock.now()
        if first == tally.size:
            return True
        decided = (Decided(Outcome.SKIPPED, reason),) * (tally.size - first)
        rest = Slice(tally.key, len(slices), first, SliceState.DONE, now, decided)
        slices.append(rest)
        return self._chunks.advance(None, rest, (), now)

    def _close(self, key: ChunkKey, tally: Tally, slices: list[Slice]) -> None:
        for _ in range(_ROUNDS):
            counted = replace(tally_of(tally, slices), done=True)
            if not is_whole(counted):
                raise AssertionError("a chunk is closed when everybody in it has an outcome")
            if self._chunks.finish(counted):
                return
            # A receipt settled somebody: the tally first, so that nothing is missed after it.
            tally = self._chunks.tally(key) or tally
            slices = list(self._chunks.slices(key))
        raise StorageUnavailableError("a chunk kept changing while it was closed")
