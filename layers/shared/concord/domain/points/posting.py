"""Postings: the only ways in which points move. Pure: account in, account and entries out.

Each entry says by how much the balance moved and which lots gave or took it, so an account can be
folded from its entries at any time: balance = sum of entries = sum of lots - what is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from concord.domain.points.account import Account, LastChange, Lot, Lots, Pending
from concord.domain.points.programme import RefundPolicy


class EntryKind(StrEnum):
    """What an entry is about. Those of one column of the day's report stand together."""

    ACCRUE = "accrue"
    REWARD = "reward"
    REVERSE = "reverse"
    HOLD = "hold"
    COMMIT = "commit"
    RELEASE = "release"
    REIMBURSE = "reimburse"
    REISSUE = "reissue"
    EXPIRE = "expire"
    ADJUST = "adjust"
    PEND = "pend"


# Stands before the id of the entry that books what a refund could not take from lots. Before, not
# behind: the end of an id may be a shop's own, so another refund's id could end in the same way.
OWED: Final = "owed~"
# Stands before the id of a hold, for that of its ending.
_ENDED: Final = "ended~"
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement, written once and never changed; `entry_id` follows from the event behind it.

    `points` is signed. `lots` are those that took or gave them (never negative); where they come to
    less than `points`, the rest paid or raised what is owed. `pending` is by how much pending
    points moved. `asked` is what was asked for, where less was there, or where she was let keep
    some of it before. `balance` is the one after.
    `details` say why: order, refund, reason, actor; nothing personal.
    """

    entry_id: str
    kind: EntryKind
    points: int
    seq: int
    balance: int
    at: datetime
    on: date
    lots: Lots = ()
    pending: int = 0
    asked: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def undone(self) -> int:
        """Return how much of what was asked for did not move."""
        return self.asked - abs(self.points + self.pending) if self.asked else 0


@dataclass(frozen=True, slots=True)
class Posting:
    """What a posting comes to: account and entries to write together, and the days from which the
    night must look at this account (`hints`)."""

    account: Account
    entries: tuple[Entry, ...]
    hints: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Occasion:
    """What causes a posting: its id, when it is booked (UTC), and which day that is for the
    merchant.

    `booked_on`: the day on which it stands in the books, where that is another one: a night that is
    caught up lets go what was over by then, today.
    """

    entry_id: str
    at: datetime
    today: date
    details: Mapping[str, Any] = field(default_factory=dict)
    booked_on: date | None = None

    @property
    def on(self) -> date:
        """Return the day of its entries."""
        return self.booked_on or self.today


# --- points come ---------------------------------------------------------------------------------


def accrue(
    account: Account,
    points: int,
    expires_on: date | None,
    why: Occasion,
    kind: EntryKind = EntryKind.ACCRUE,
    asked: int | None = None,
) -> Posting:
    """Book new points; also of a reward, a reissue, an adjustment upwards. `asked`: what the event
    was about, where that is more.

    Raises ValueError for less than none: points are taken by `reverse`.
    """
    if points < 0:
        raise ValueError("new points are not less than none")
    after, kept, _ = account.with_points((Lot(expires_on, points),))
    after, entry = _entered(after, kind, points, why, lots=kept, asked=asked)
    return Posting(after, (entry,), _hints(account, kept, why.today))


def give_back(account: Account, lots: Lots, kind: EntryKind, why: Occasion) -> Posting:
    """Restore the lots that a hold or a redemption took, with the expiry that they had (R-18).

    What has expired meanwhile is restored too, cannot be spent, and expires in the next night. A
    release is booked under `ending_id`.
    """
    total = sum(lot.points for lot in lots)
    after, kept, _ = account.with_points(lots)
    after, entry = _entered(after, kind, total, why, lots=kept)
    # Its date kept the hint that it got with its first points, unless its night is over.
    over = any(lot.is_over(why.today) for lot in kept)
    return Posting(after, (entry,), (why.today + _ONE_DAY,) if over else ())


# --- points wait ---------------------------------------------------------------------------------


def pend(account: Account, pending: Pending, why: Occasion, asked: int | None = None) -> Posting:
    """Show the points of an order in its return window; they do not count yet (R-20). `asked` as
    for `accrue`; where nothing is left of it the entry stands alone."""
    waiting = (*account.pending, pending) if pending.points else account.pending
    after, entry = _entered(
        replace(account, pending=waiting),
        EntryKind.PEND,
        0,
        why,
        pending=pending.points,
        asked=asked,
    )
    if not pending.points:
        return Posting(after, (entry,))
    return Posting(after, (entry,), (max(pending.active_on, why.today + _ONE_DAY),))


def activate(account: Account, ref: str, why: Occasion) -> Posting | None:
    """Let the pending points of an order count, once their day has come (R-20); None = there are
    none (any more)."""
    waiting = [e for e in account.pending if e.ref == ref and e.active_on <= why.today]
    if not waiting:
        return None
    after = replace(account, pending=tuple(e for e in account.pending if e not in waiting))
    lots = tuple(Lot(each.expires_on, each.points) for each in waiting)
    after, kept, _ = after.with_points(lots)
    total = sum(lot.points for lot in lots)
    after, entry = _entered(after, EntryKind.ACCRUE, total, why, lots=kept, pending=-total)
    return Posting(after, (entry,), _hints(account, kept, why.today))


# --- points go -----------------------------------------------------------------------------------


def hold(account: Account, points: int, why: Occasion) -> Posting | None:
    """Take points for a redemption, earliest expiry first; None = there are not enough that can be
    used today."""
    if points <= 0 or account.usable(why.today) < points:
        return None
    after, taken = account.without(points, usable_on=why.today)
    after, entry = _entered(after, EntryKind.HOLD, -points, why, lots=taken)
    return Posting(after, (entry,))


def ending_id(hold_id: str) -> str:
    """Return the one id under which a hold ends, committed or released: the second ending is a
    repeat of the first, and books nothing."""
    return f"{_ENDED}{hold_id}"


def commit(account: Account, why: Occasion) -> Posting:
    """End a hold for good, under `ending_id`: nothing moves any more, and the statement says so."""
    after, entry = _entered(account, EntryKind.COMMIT, 0, why)
    return Posting(after, (entry,))


def reverse(
    account: Account,
    points: int,
    policy: RefundPolicy,
    why: Occasion,
    *,
    ref: str | None = None,
    lot_of: date | None = None,
    kind: EntryKind = EntryKind.REVERSE,
) -> Posting | None:
    """Take points back: pending ones of `ref` first, then the lot that they went to (its last day
    `lot_of`; NEVER = the lot without an end), then the earliest; what is not there any more goes by
    `policy` (R-18). None = nothing to take.
    """
    if points <= 0:
        return None
    waiting, pended = _unpend(account, points, ref)
    due = points - pended
    after, taken = waiting.without(due, first=lot_of)
    got = sum(lot.points for lot in taken)
    short = due - got
    owes = short if policy is RefundPolicy.NEGATIVE else 0
    entries = []
    if got or pended or not owes:
        asked = points if short and not owes else None
        after, entry = _entered(after, kind, -got, why, lots=taken, pending=-pended, asked=asked)
        entries.append(entry)
    if owes:
        after = replace(after, owed=after.owed + owes)
        second = replace(why, entry_id=f"{OWED}{why.entry_id}") if entries else why
        after, entry = _entered(after, kind, -owes, second)
        after = replace(after, last=LastChange(why.today, -got - owes))
        entries.append(entry)
    return Posting(after, tuple(entries))


def _unpend(account: Account, points: int, ref: str | None) -> tuple[Account, int]:
    """Return the account with less pending of `ref`, and how much less."""
    rest, kept = points, []
    for each in account.pending:
        take = min(rest, each.points) if each.ref == ref else 0
        rest -= take
        if each.points > take:
            kept.append(replace(each, points=each.points - take))
    return replace(account, pending=tuple(kept)), points - rest


def expire(account: Account, why: Occasion) -> Posting | None:
    """Let go what was usable through a day before `why.today`; None = nothing was."""
    gone = tuple(lot for lot in account.lots if lot.is_over(why.today))
    if not gone:
        return None
    left = tuple(lot for lot in account.lots if not lot.is_over(why.today))
    total = sum(lot.points for lot in gone)
    after, entry = _entered(replace(account, lots=left), EntryKind.EXPIRE, -total, why, lots=gone)
    return Posting(after, (entry,))


# --- entries and hints -----------------------------------------------------------------------


def _entered(
    account: Account,
    kind: EntryKind,
    points: int,
    why: Occasion,
    *,
    lots: Lots = (),
    pending: int = 0,
    asked: int | None = None,
) -> tuple[Account, Entry]:
    """Return the account with one entry more, and that entry."""
    last = LastChange(why.on, points) if points else account.last
    after = replace(account, seq=account.seq + 1, last=last)
    entry = Entry(
        entry_id=why.entry_id,
        kind=kind,
        points=points,
        seq=after.seq,
        balance=after.balance,
        at=why.at,
        on=why.on,
        lots=lots,
        pending=pending,
        asked=asked,
        details=why.details,
    )
    return after, entry


def _hints(before: Account, lots: Iterable[Lot], today: date) -> tuple[date, ...]:
    """Return the days from which the night must look at these lots: the one after their last.

    A date that held points already has its hint. What is over is looked at in the next night.
    """
    known = {lot.expires_on for lot in before.lots}
    days = {
        max(lot.expires_on + _ONE_DAY, today + _ONE_DAY)
        for lot in lots
        if lot.expires_on is not None and (lot.expires_on not in known or lot.is_over(today))
    }
    return tuple(sorted(days))
