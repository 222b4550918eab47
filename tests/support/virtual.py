"""Virtual time: processes that wait take turns, one at a time, in an order that a seed repeats."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# A Monday, eleven in the morning in New York.
START = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


class _Process:
    """A thread that runs only while everybody else waits."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.turn = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self.started = False

    def _run(self, work: Callable[[], None]) -> None:
        self.turn.acquire()
        try:
            work()
        except BaseException as error:
            self.error = error
        self.done = True
        self.back.release()

    def resume(self, back: threading.Semaphore) -> None:
        self.back = back
        if not self.started:
            self.started = True
            self.thread.start()
        self.turn.release()
        back.acquire()


class Virtual:
    """The clock, the sleeper and the scheduler of a world. Nothing happens between events."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._at = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._back = threading.Semaphore(0)
        self._current: _Process | None = None

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._start + timedelta(seconds=self._at)

    def monotonic(self) -> float:
        """Return seconds since the start."""
        return self._at

    @property
    def in_process(self) -> bool:
        """Whether a process runs, and not the test itself."""
        return self._current is not None

    def at(self, seconds: float, work: Callable[[], None]) -> None:
        """Let a process begin so many seconds after the start, not before now."""
        process = _Process(work)
        self._schedule(max(seconds, self._at), lambda: self._resume(process))

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Let a process begin in so many seconds."""
        self.at(self._at + max(0.0, seconds), work)

    def sleep(self, by: timedelta) -> None:
        """Wait; outside of a process time just passes."""
        self.wait(by.total_seconds())

    def wait(self, seconds: float) -> None:
        """Wait so many seconds."""
        process = self._current
        if process is None:
            self._at += max(0.0, seconds)
            return
        self._schedule(self._at + max(0.0, seconds), lambda: self._resume(process))
        self._back.release()
        process.turn.acquire()

    def run(self, until: float) -> None:
        """Let everything happen that is due before `until`; raises what a process raised."""
        while self._events and self._events[0][0] <= until:
            at, _, event = heapq.heappop(self._events)
            self._at = max(self._at, at)
            event()
        self._at = max(self._at, until)

    def _schedule(self, at: float, event: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, event))

    def _resume(self, process: _Process) -> None:
        self._current = process
        process.resume(self._back)
        self._current = None
        if process.error is not None:
            raise process.error
