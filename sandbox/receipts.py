"""What carriers tell of texts: at once, late, twice, out of order, or when a test asks for it."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.accounts import ReceiptOptions
from sandbox.clock import now
from sandbox.web import UnreachableError

type Post = Callable[[], Awaitable[int]]
"""Tells one thing and returns the status of Concord's answer."""
type Story = Callable[[], Sequence[Post]]
"""All that is to be told of one text, in order; asked when the time has come."""

_AT_ONCE = 8  # texts that are told of at the same time
_LOOK_AGAIN = 0.1  # seconds: something earlier may have come, or everything may have arrived


@dataclass(order=True, slots=True)
class _Waiting:
    due: datetime
    place: int
    left: datetime = field(compare=False)
    story: Story = field(compare=False)
    options: ReceiptOptions = field(compare=False)


class Receipts:
    """The receipts of one platform that were not told yet, earliest first."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._held: list[_Waiting] = []
        self._places = itertools.count()
        self._teller: asyncio.Task[None] | None = None

    def add(self, options: ReceiptOptions, left: datetime, story: Story) -> None:
        """Have a text told of that leaves at `left`, as the account's options say."""
        due = left + timedelta(milliseconds=options.delay_ms)
        waiting = _Waiting(due, next(self._places), left, story, options)
        if options.hold:
            self._held.append(waiting)
            return
        heapq.heappush(self._waiting, waiting)
        if self._teller is None or self._teller.done():
            self._teller = asyncio.create_task(self._tell_due())

    async def tell_all(self) -> list[int]:
        """Tell of every text that has left, whatever its account's options; return the answers."""
        at = now()
        told = sorted(each for each in [*self._waiting, *self._held] if each.left <= at)
        self._held = [each for each in self._held if each.left > at]
        self._waiting = [each for each in self._waiting if each.left > at]
        heapq.heapify(self._waiting)
        return [status for each in told for status in await _tell(each)]

    def arrive(self) -> None:
        """Every text has left now: what is told of it is due as long after that as it was."""
        at = now()
        for each in [*self._waiting, *self._held]:
            early = max(each.left - at, timedelta())
            each.left -= early
            each.due -= early
        heapq.heapify(self._waiting)

    async def _tell_due(self) -> None:
        while self._waiting:
            wait = (self._waiting[0].due - now()).total_seconds()
            if wait > 0:
                await asyncio.sleep(min(wait, _LOOK_AGAIN))
                continue
            ready: list[_Waiting] = []
            while self._waiting and self._waiting[0].due <= now() and len(ready) < _AT_ONCE:
                ready.append(heapq.heappop(self._waiting))
            await asyncio.gather(*(_tell(each) for each in ready))

    def clear(self) -> None:
        self._waiting.clear()
        self._held.clear()


async def _tell(waiting: _Waiting) -> list[int]:
    posts = list(waiting.story())
    if waiting.options.out_of_order:
        posts.reverse()
    statuses = []
    for post in posts:
        for _ in range(2 if waiting.options.duplicate else 1):
            try:
                statuses.append(await post())
            except UnreachableError:
                statuses.append(0)  # no carrier holds anything up for a deaf webhook
    return statuses
