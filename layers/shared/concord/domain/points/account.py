"""An account: what one member of one programme has. Lots, what she owes, and what is pending."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

# The day of a lot without an end. It sorts last: points that expire are spent first.
NEVER: Final = date.max


@dataclass(frozen=True, slots=True)
class AccountKey:
    """One member of one programme; `member_key` is our keyed name for her."""

    merchant_id: str
    programme_id: str
    member_key: str


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that can be used through the end of `expires_on` (merchant's time zone; None = for
    ever)."""

    expires_on: date | None
    points: int

    def is_over(self, today: date) -> bool:
        """Whether its last day is past."""
        return self.expires_on is not None and self.expires_on < today


type Lots = tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """Points of an order in its return window: they count from `active_on` (R-20). `order` is the
    shop's own id of it, for the statement."""

    ref: str
    active_on: date
    expires_on: date | None
    points: int
    order: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LastChange:
    """By how much a balance moved last, and on which day."""

    on: date
    points: int


@dataclass(frozen=True, slots=True)
class Account:
    """What a member has. `seq` counts her entries and is the version of this item.

    `lots` are those that hold points, one for each expiry date, earliest first (R-19). `owed` is
    what a refund took beyond them; while she owes there is no lot. `member` is the merchant's own
    id of her: whoever is told of her points is told under it.
    """

    key: AccountKey
    seq: int = 0
    lots: Lots = ()
    owed: int = 0
    pending: tuple[Pending, ...] = ()
    member: str = field(default="", repr=False)
    last: LastChange | None = None

    @property
    def balance(self) -> int:
        """Return what she can spend, negative while she owes."""
        return sum(lot.points for lot in self.lots) - self.owed

    @property
    def pending_points(self) -> int:
        """Return what is shown and cannot be spent yet."""
        return sum(each.points for each in self.pending)

    def usable(self, on: date) -> int:
        """Return the points that can be spent on a day, negative while she owes. A lot that is over
        stays in the balance until the night lets it go, and nobody can spend it meanwhile."""
        return sum(lot.points for lot in self.lots if not lot.is_over(on)) - self.owed

    def due_on(self, night: date) -> bool:
        """Whether the night of `night` has something to do here."""
        over = any(lot.is_over(night) for lot in self.lots)
        return over or any(each.active_on <= night for each in self.pending)

    def expiring(self, on: date) -> int:
        """Return the points of which `on` is the last day."""
        return sum(lot.points for lot in self.lots if lot.expires_on == on)

    def next_expiry(self, on: date) -> Lot | None:
        """Return the lot that ends next, if any does. One that is over on this day is none: it only
        waits for the night."""
        usable = (lot for lot in self.lots if not lot.is_over(on))
        return next((lot for lot in usable if lot.expires_on is not None), None)

    def with_points(self, lots: Iterable[Lot]) -> tuple[Account, Lots, int]:
        """Return the account with more points, the lots they went to, and what paid her debt."""
        owed, left = self.owed, []
        for lot in in_order(lots):
            paid = min(owed, lot.points)
            owed -= paid
            if lot.points > paid:
                left.append(replace(lot, points=lot.points - paid))
        lots_after = _merged((*self.lots, *left))
        return replace(self, lots=lots_after, owed=owed), tuple(left), self.owed - owed

    def without(
        self, points: int, first: date | None = None, usable_on: date | None = None
    ) -> tuple[Account, Lots]:
        """Return the account without up to `points`, and the lots they came from.

        The lot of `first` (NEVER = the one without an end) gives before all others, then the
        earliest (R-19). `usable_on`: lots that are over on that day give nothing.
        """
        taken, left, rest = [], [], points
        for lot in sorted(self.lots, key=lambda lot: (_sorts(lot) != first, _sorts(lot))):
            over = usable_on is not None and lot.is_over(usable_on)
            take = 0 if over else min(rest, lot.points)
            rest -= take
            if take:
                taken.append(replace(lot, points=take))
            left.append(replace(lot, points=lot.points - take))
        return replace(self, lots=_merged(left)), in_order(taken)


def in_order(lots: Iterable[Lot]) -> Lots:
    """Return lots by expiry date, those without one last."""
    return tuple(sorted(lots, key=_sorts))


def _sorts(lot: Lot) -> date:
    return lot.expires_on or NEVER


def _merged(lots: Iterable[Lot]) -> Lots:
    """Return one lot per expiry date, without the empty ones."""
    found: dict[date | None, int] = {}
    for lot in lots:
        found[lot.expires_on] = found.get(lot.expires_on, 0) + lot.points
    return in_order(Lot(on, points) for on, points in found.items() if points)
