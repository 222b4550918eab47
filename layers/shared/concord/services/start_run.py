"""Begin a pass over a chunk: read what it needs, once."""

from __future__ import annotations

from datetime import datetime

from concord.domain.chunks import chunk_of
from concord.domain.connection import Connection
from concord.domain.errors import NotFoundError
from concord.domain.pacing import SenderAccount
from concord.domain.put_off import tries_of
from concord.domain.recipient_law import MerchantLaw
from concord.domain.tasks import Task
from concord.ports import Clock, TaskQueue
from concord.ports.broadcasts import Chunks, ChunkStart, Pace, Sleeper
from concord.services.chunk_run import Run
from concord.services.keep_pace import KeepPace
from concord.services.open_carrier import OpenCarrier


class StartRun:
    """Builds passes."""

    def __init__(
        self,
        *,
        chunks: Chunks,
        pace: Pace,
        sleeper: Sleeper,
        open_carrier: OpenCarrier,
        queue: TaskQueue,
        clock: Clock,
    ) -> None:
        self._chunks = chunks
        self._pace = pace
        self._sleeper = sleeper
        self._open_carrier = open_carrier
        self._queue = queue
        self._clock = clock
        self._seconds: dict[SenderAccount, float] = {}

    def __call__(
        self, task: Task, connection: Connection, start: ChunkStart, began: datetime
    ) -> Run:
        """Return the pass, which a worker began at `began`. Raises NotFoundError if the chunk is
        not there, PermanentError if the sender cannot be used."""
        key, broadcast = chunk_of(task), start.broadcast
        merchant, chunk, tally = start.merchant, start.chunk, start.tally
        frozen = broadcast.frozen if broadcast else None
        if not (merchant and broadcast and chunk and frozen and tally):
            raise NotFoundError("the chunk is not there")
        carrier = self._open_carrier(connection, frozen)
        return Run(
            task=task,
            connection=connection,
            broadcast=broadcast,
            frozen=frozen,
            chunk=chunk,
            tally=tally,
            slices={part.number: part for part in self._chunks.slices(key)},
            carrier=carrier,
            law=MerchantLaw(merchant),
            pace=KeepPace(
                pace=self._pace,
                clock=self._clock,
                sleeper=self._sleeper,
                account=carrier.account,
                rate=frozen.rate,
                slice_size=frozen.slice_size,
                bulk=frozen.bulk,
                row=task.key,
                again=tries_of(key.chunk) > 0,
                queue=self._queue,
                seconds=self._seconds,
            ),
            started=began,
        )
