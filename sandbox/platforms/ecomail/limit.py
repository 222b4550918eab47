"""1,000 calls a minute per key, on a clock that a test can move."""

import math
from datetime import datetime, timedelta

from sandbox.clock import now

CALLS_PER_MINUTE = 1000
_MINUTE = timedelta(minutes=1)


class CallLimit:
    """Counts each account's calls within its minute, which its first call begins."""

    def __init__(self) -> None:
        self._passed = timedelta()
        self._minutes: dict[str, tuple[datetime, int]] = {}

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += timedelta(seconds=seconds)

    def take(self, account_id: str, allowed: int) -> int | None:
        """Count one call; return the seconds to wait if it is one too many."""
        at = now() + self._passed
        began, calls = self._minutes.get(account_id, (at, 0))
        if at - began >= _MINUTE:
            began, calls = at, 0
        if calls >= allowed:
            return max(1, math.ceil((began + _MINUTE - at).total_seconds()))
        self._minutes[account_id] = (began, calls + 1)
        return None
