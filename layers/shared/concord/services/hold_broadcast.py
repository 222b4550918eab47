"""Pause a broadcast ourselves, with the reason: a person has to look before it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState
from concord.ports import Clock
from concord.ports.broadcasts import Broadcasts

_ROUNDS: Final = 5


class HoldBroadcast:
    """What an operator resumes when she has mended the cause."""

    def __init__(self, broadcasts: Broadcasts, clock: Clock) -> None:
        self._broadcasts = broadcasts
        self._clock = clock

    def __call__(self, broadcast: Broadcast, reason: str) -> bool:
        """Pause it; False = it did not run any more."""
        for _ in range(_ROUNDS):
            current = self._broadcasts.get(broadcast.connection_id, broadcast.broadcast_id)
            if current is None or not current.runs:
                return False
            now = self._clock.now()
            paused = replace(
                current, state=BroadcastState.PAUSED, held=reason, version=current.version + 1
            )
            audit = AuditEntry(
                merchant_id=current.merchant_id,
                connection_id=current.connection_id,
                at=now,
                actor="concord",
                action="broadcast_held",
                details={"broadcast_id": current.broadcast_id, "reason": reason},
            )
            if self._broadcasts.update(paused, now, audit=audit):
                return True
        return False
