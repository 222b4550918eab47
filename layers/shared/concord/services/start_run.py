"""Begin a pass over a chunk: read what it needs, once."""

from __future__ import annotations

from concord.domain.broadcast import Broadcast
from concord.domain.chunks import chunk_of
from concord.domain.connection import Connection
from concord.domain.errors import NotFoundError
from concord.domain.put_off import tries_of
from concord.domain.recipient_law import MerchantLaw
from concord.domain.tasks import Task
from concord.ports import Clock, Merchants, TaskQueue
from concord.ports.broadcasts import Chunks, Pace, Sleeper
from concord.services.chunk_run import Run
from concord.services.keep_pace import KeepPace
from concord.services.open_carrier import OpenCarrier


class StartRun:
    """Builds passes."""

    def __init__(
        self,
        *,
        chunks: Chunks,
        merchants: Merchants,
        pace: Pace,
        sleeper: Sleeper,
        open_carrier: OpenCarrier,
        queue: TaskQueue,
        clock: Clock,
    ) -> None:
        self._chunks = chunks
        self._merchants = merchants
        self._pace = pace
        self._sleeper = sleeper
        self._open_carrier = open_carrier
        self._queue = queue
        self._clock = clock

    def __call__(self, task: Task, connection: Connection, broadcast: Broadcast) -> Run:
        """Return the pass. Raises NotFoundError if the chunk is not there, PermanentError if the
        sender cannot be used."""
        key = chunk_of(task)
        merchant = self._merchants.get(key.merchant_id)
        chunk, frozen = self._chunks.get(key), broadcast.frozen
        # The tally first: what is settled after it is seen by whoever writes the next one.
        tally = self._chunks.tally(key)
        if merchant is None or chunk is None or frozen is None or tally is None:
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
            ),
            started=self._clock.now(),
        )
