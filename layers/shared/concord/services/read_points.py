"""What a member has, and how every point of it came and went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from concord.domain.page import Page, page
from concord.domain.points.account import Account, Lot
from concord.domain.points.posting import Entry
from concord.ports import Clock
from concord.ports.points import Ledger
from concord.services.find_account import FindAccount


@dataclass(frozen=True, slots=True)
class AccountToday:
    """An account on a day of its merchant."""

    account: Account
    today: date

    @property
    def available(self) -> int:
        """Return what she can spend today, nothing while she owes."""
        return max(0, self.account.usable(self.today))

    @property
    def next_expiry(self) -> Lot | None:
        """Return the lot that ends next, if any does."""
        return self.account.next_expiry(self.today)


class ReadPoints:
    """Reads accounts and statements. Whoever was never given a point has none."""

    def __init__(self, find_account: FindAccount, ledger: Ledger, clock: Clock) -> None:
        self._find_account = find_account
        self._ledger = ledger
        self._clock = clock

    def account(self, merchant_id: str, programme_id: str, member: str) -> AccountToday:
        """Return what a member has today. Raises as FindAccount."""
        found = self._find_account(merchant_id, programme_id, member)
        today = found.merchant.day(self._clock.now())
        return AccountToday(self._ledger.account(found.key), today)

    def statement(
        self, merchant_id: str, programme_id: str, member: str, limit: int, cursor: str | None
    ) -> Page[Entry]:
        """Return a page of a member's entries, newest first. Raises as FindAccount."""
        found = self._find_account(merchant_id, programme_id, member)
        newest_first = reversed(self._ledger.entries(found.key))
        return page(newest_first, limit, cursor, lambda e: f"{e.seq:010d}", descending=True)
