"""One worker's share of a sender's time: slots that it booked, and when the next one is."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from typing import Final

from concord.domain.pacing import (
    EARLY,
    HORIZON,
    LATE,
    NEWCOMER,
    Booked,
    NoTurn,
    SenderAccount,
    Turn,
    Wanted,
    booking_size,
)
from concord.domain.tasks import RowKey
from concord.ports import Clock, TaskQueue
from concord.ports.broadcasts import Pace, Sleeper

FIRST_GUESS: Final = 0.1
_WEIGHT: Final = 0.3
_MARGIN: Final = 0.9


class KeepPace:
    """Slots for the texts of one chunk. Who is skipped leaves her slot to the next; a slot that is
    too old is lost, so that a worker which was held up does not make up for it (R-08)."""

    def __init__(
        self,
        *,
        pace: Pace,
        clock: Clock,
        sleeper: Sleeper,
        account: SenderAccount,
        rate: float,
        slice_size: int,
        bulk: bool,
        row: RowKey,
        again: bool,
        queue: TaskQueue,
        seconds: MutableMapping[SenderAccount, float],
    ) -> None:
        self._pace = pace
        self._clock = clock
        self._sleeper = sleeper
        self.account = account
        self._rate = rate
        self._slice_size = slice_size
        self._most = booking_size(slice_size, rate, bulk=bulk)
        self._bulk = bulk
        self._row = row
        self._again = again
        self._queue = queue
        self._slots: deque[datetime] = deque()
        self._booked = Booked(clock.now())
        self._booked_up_to = clock.now()
        # How long a call takes, as this process has seen it: the same for all its passes.
        self._seconds = seconds

    @property
    def probing(self) -> bool:
        """Whether the next call finds out if the sender is back."""
        return self._booked.probe

    def has(self, texts: int) -> bool:
        """Whether that many slots are booked and not too old: time that nobody else can use."""
        self._drop_late()
        return len(self._slots) >= texts

    def turn(self, texts: int, left: int, *, newcomer: bool) -> NoTurn | datetime:
        """Return when that many texts may start, booking what is missing; or when to ask again.

        `left` is how many recipients the chunk has left: no more is booked than they need. A chunk
        that has had no turn yet is a `newcomer`.
        """
        if not self.has(texts):
            count = max(texts, min(self._size(), left)) - len(self._slots)
            near = min(max(timedelta(seconds=count / self._rate), NEWCOMER), HORIZON)
            horizon = near if newcomer else HORIZON
            refused = self._too_far(horizon) or self._book(
                count, horizon, first=newcomer, more=left > count
            )
            if refused is not None:
                return refused
        return self._slots[0]

    def await_slot(self, before: datetime) -> bool:
        """Wait for the next slot and take it; False: there is none before `before`, or the sender
        is down."""
        while True:
            self._drop_late()
            now = self._clock.now()
            if not self._slots:
                refused = self._book(self._size())
                if refused is not None:
                    if refused.turn is Turn.DOWN or refused.at >= before:
                        return False
                    self._sleeper.sleep(max(refused.at - now, timedelta(milliseconds=200)))
                continue
            if self._slots[0] >= before:
                return False
            if self._slots[0] > now:
                self._sleeper.sleep(self._slots[0] - now)
            self._slots.popleft()
            return True

    def take(self, texts: int) -> None:
        """Take the slots of a call that hands so many over at once."""
        for _ in range(min(texts, len(self._slots))):
            self._slots.popleft()

    # --- what became of the calls ------------------------------------------------------------

    def answered(self, seconds: float) -> None:
        """Note that the sender answered, after so long."""
        known = self._seconds.get(self.account, FIRST_GUESS)
        self._seconds[self.account] = known + _WEIGHT * (seconds - known)
        self._pace.succeeded(self.account, self._booked)
        self._booked = Booked(self._booked.start)

    def unanswered(self) -> bool:
        """Note that it did not; True = nobody calls it for a while now."""
        opened = self._pace.failed(self.account, self._booked, self._clock.now())
        self._booked = Booked(self._booked.start, troubled=True)
        if opened:
            self._slots.clear()
        return opened

    def hold(self, wait: timedelta) -> None:
        """Leave it alone for so long: it asked for that."""
        self._slots.clear()
        self._pace.hold(self.account, self._clock.now() + wait)

    # --- slots -------------------------------------------------------------------------------

    def _size(self) -> int:
        """Return how many texts to book at once: no more than are done before they are late."""
        behind = self._seconds.get(self.account, FIRST_GUESS) - 1 / self._rate
        if self._bulk or behind <= 0:
            return self._most
        done = max(1, min(self._most, round(_MARGIN * LATE.total_seconds() / behind)))
        return done - done % self._slice_size if done > self._slice_size else done

    def _book(
        self,
        count: int,
        horizon: timedelta = HORIZON,
        *,
        first: bool = False,
        more: bool = True,
    ) -> NoTurn | None:
        wanted = Wanted(count, self._rate, self._row, self._again, horizon, first, more)
        found = self._pace.book(self.account, wanted, self._clock.now())
        if isinstance(found, NoTurn):
            return found
        self._booked = found
        self._booked_up_to = found.start + wanted.takes
        if found.slack:
            tell_waiting(self._pace, self.account, self._queue, self._clock.now(), most=2)
        step = wanted.takes / count
        self._slots.extend(found.start + step * n for n in range(count))
        return None

    def _too_far(self, horizon: timedelta) -> NoTurn | None:
        """Return what a booking would say, if that is known: its own last one ends too late."""
        end, now = self._booked_up_to, self._clock.now()
        return NoTurn(Turn.LATER, max(end - EARLY, now), end) if end > now + horizon else None

    def _drop_late(self) -> None:
        oldest = self._clock.now() - LATE
        while self._slots and self._slots[0] < oldest:
            self._slots.popleft()


def tell_waiting(
    pace: Pace, account: SenderAccount, queue: TaskQueue, now: datetime, most: int = 1
) -> None:
    """Queue chunks that wait for this sender, for the moment at which its time is free."""
    rows, at = pace.next_waiting(account, now, most)
    if rows:
        queue.send(rows, delay_seconds=max(0, int((at - now).total_seconds())))
