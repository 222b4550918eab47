"""How fast an account's texts leave, and how many sends a second it may make."""

from collections import defaultdict, deque
from datetime import datetime, timedelta

from sandbox.accounts import Account
from sandbox.clock import now

_WINDOW = timedelta(seconds=1)


class Pace:
    """One queue of texts per account, which empties at the account's rate."""

    def __init__(self) -> None:
        self._free: dict[str, datetime] = {}
        self._calls: dict[str, deque[datetime]] = defaultdict(deque)

    def slots(self, account: Account, count: int) -> list[datetime]:
        """Return when each of `count` more texts leaves."""
        if account.texts_per_second is None:
            return [now()] * count
        step = timedelta(seconds=1 / account.texts_per_second)
        first = max(now(), self._free.get(account.account_id, now()))
        self._free[account.account_id] = first + step * count
        return [first + step * place for place in range(count)]

    def takes(self, account: Account) -> bool:
        """Whether one more send fits into this second, and count it if so."""
        if account.calls_per_second is None:
            return True
        at, calls = now(), self._calls[account.account_id]
        while calls and calls[0] <= at - _WINDOW:
            calls.popleft()
        if len(calls) >= account.calls_per_second:
            return False
        calls.append(at)
        return True
