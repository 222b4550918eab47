"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SetClock:
    """Starts at the real time and is moved by hand; moto's own expiry stays on the real one."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self._ahead += by

    def sleep(self, by: timedelta) -> None:
        """Wait: nobody else moves meanwhile."""
        self.advance(by)
