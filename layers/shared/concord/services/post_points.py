"""Post to an account: read it, let the domain decide, write; again if it moved meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from concord.domain.audit import AuditEntry
from concord.domain.errors import StorageUnavailableError
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Entry, Posting
from concord.domain.tasks import TaskSpec
from concord.ports import Clock
from concord.ports.points import Hint, Ledger, PostResult

_ATTEMPTS: Final = 50

type Decide = Callable[[Account], Posting | None]
"""What a posting comes to on an account as it is; None = there is nothing to book."""
type TasksOf = Callable[[Posting], Sequence[TaskSpec]]
"""What a posting causes: it is written in the same transaction."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of it. `account` is the one after it; `entry` is None where nothing was booked.
    `known` = it was booked before, by this event."""

    account: Account
    entry: Entry | None
    known: bool = False


class PostPoints:
    """The one way in which points move. Each event books once, however often it comes (R-21)."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        tasks_of: TasksOf,
        *,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tasks_of = tasks_of
        self._sleep = sleep
        self._rng = rng or random.Random()

    def __call__(
        self,
        key: AccountKey,
        entry_id: str,
        decide: Decide,
        *,
        member: str = "",
        seen: Hint | None = None,
        audit: AuditEntry | None = None,
    ) -> Posted:
        """Book what `decide` makes of the account, under `entry_id`. `member` = the merchant's own
        id of her, which the account keeps. `seen` = the hint that it answers, which goes with it
        once that night has no more to do here. `audit` = who asked for it, where it was a person.

        Raises StorageUnavailableError.
        """
        for attempt in range(_ATTEMPTS):
            account = self._ledger.account(key)
            account = replace(account, member=account.member or member)
            posting = decide(account)
            if posting is None:
                return self._booked_before(account, entry_id)
            result = self._ledger.post(
                posting, self._tasks_of(posting), now=self._clock.now(), seen=seen, audit=audit
            )
            match result:
                case PostResult.DONE:
                    return Posted(posting.account, posting.entries[0])
                case PostResult.KNOWN if (found := self._booked_before(account, entry_id)).known:
                    return found
            # It moved, or of several entries another one is booked already: decide on what is true.
            self._sleep(self._rng.uniform(0, min(0.2, 0.005 * 2**attempt)))
        raise StorageUnavailableError("this account kept moving")

    def _booked_before(self, account: Account, entry_id: str) -> Posted:
        """Return what this event booked, if it did; its twin may have, since the account was
        read."""
        entry = self._ledger.entry(account.key, entry_id)
        if entry is not None and entry.seq > account.seq:
            account = self._ledger.account(account.key)
        return Posted(account, entry, known=entry is not None)
