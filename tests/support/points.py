"""Accounts and postings with sensible defaults, for tests of the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from concord.domain.points.account import Account, AccountKey, Lot
from concord.domain.points.posting import Occasion

TODAY = date(2026, 11, 22)
KEY = AccountKey("shop", "main", "m0001")
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def day(ahead: int) -> date:
    """Return a day relative to the fixed today."""
    return TODAY + timedelta(days=ahead)


def lots(*given: tuple[int | None, int]) -> tuple[Lot, ...]:
    """Return lots of (days ahead, None = never expires; points)."""
    return tuple(Lot(None if ahead is None else day(ahead), points) for ahead, points in given)


def account(*given: tuple[int | None, int], **more: Any) -> Account:
    """Return an account with lots of (days ahead, points)."""
    return Account(KEY, lots=lots(*given), **more)


def why(entry_id: str = "event", today: int = 0, **details: Any) -> Occasion:
    """Return an occasion so many days from the fixed today."""
    return Occasion(entry_id, AT + timedelta(days=today), day(today), details)
