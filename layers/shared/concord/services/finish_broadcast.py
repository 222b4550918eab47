"""End a broadcast when nothing of it is open any more: its report adds up (R-09)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from concord.domain.broadcast import BroadcastState
from concord.domain.chunks import Outcome
from concord.domain.errors import StorageUnavailableError
from concord.domain.tallies import report_of
from concord.ports import Broadcasts, Clock, Tallies, Telemetry

_ROUNDS: Final = 8


class FinishBroadcast:
    """Called by whoever closed a chunk and by who planned the last: each looks after its own write,
    so the later of the two sees that nothing is open."""

    def __init__(
        self, broadcasts: Broadcasts, tallies: Tallies, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._broadcasts = broadcasts
        self._tallies = tallies
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, connection_id: str, broadcast_id: str) -> None:
        """Write the report, once no chunk is open and none will come. Safe to repeat."""
        for _ in range(_ROUNDS):
            broadcast = self._broadcasts.get(connection_id, broadcast_id)
            if broadcast is None or not broadcast.planned or broadcast.open_chunks:
                return
            names = (broadcast.merchant_id, connection_id, broadcast_id)
            report = report_of(self._tallies.tallies(*names))
            if broadcast.finished_at is not None and dict(broadcast.report) == dict(report):
                return
            now = self._clock.now()
            cancelled = broadcast.state is BroadcastState.CANCELLED
            ended = replace(
                broadcast,
                state=broadcast.state if cancelled else BroadcastState.FINISHED,
                finished_at=broadcast.finished_at or now,
                report=report,
                version=broadcast.version + 1,
            )
            if self._broadcasts.update(ended, now):
                self._telemetry.info(
                    "broadcast_ended",
                    connection_id=connection_id,
                    broadcast_id=broadcast_id,
                    state=ended.state.value,
                    audience=broadcast.audience,
                    sent=report.get(Outcome.SENT, 0),
                    uncertain=report.get(Outcome.UNCERTAIN, 0),
                )
                return
        raise StorageUnavailableError("a broadcast kept changing while it was ended")
