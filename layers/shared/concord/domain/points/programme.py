"""A programme: how a merchant's shoppers earn points, keep them and lose them. Data, no code."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from typing import Final


class Rounding(StrEnum):
    """What becomes of a part of a point."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


# Bounds of what a merchant may set: far above any programme, far below where a sum breaks.
MOST_POINTS: Final = 1_000_000_000
MOST_PER_UNIT: Final = 10_000
LONGEST_DAYS: Final = 3_660
LONGEST_MONTHS: Final = 120
LONGEST_WINDOW: Final = 365

_DECIMAL: Final = {
    Rounding.DOWN: ROUND_FLOOR,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.UP: ROUND_CEILING,
}


def points_for(amount: Decimal, points_per_unit: Decimal, rounding: Rounding) -> int:
    """Return the points that `amount` (before tax) earns; none for less than nothing."""
    with localcontext() as context:
        context.prec = 60  # exact: the factors have far fewer digits
        points = max(amount, Decimal(0)) * points_per_unit
        return int(points.to_integral_value(_DECIMAL[rounding]))


class RefundPolicy(StrEnum):
    """What happens where a refund takes back more points than are left.

    `clamp`: what is there is taken, and the rest is let go. `negative`: the rest is owed, as an
    entry of its own that never expires, and the next points pay it first.
    """

    CLAMP = "clamp"
    NEGATIVE = "negative"


class MonthEnd(StrEnum):
    """When points valid for months expire.

    `same_day`: on the day of the month on which they were granted; where the month has no such day,
    on its last (31 January + 1 month = 28 or 29 February). `last_day`: on that month's last day.
    """

    SAME_DAY = "same_day"
    LAST_DAY = "last_day"


@dataclass(frozen=True, slots=True)
class Validity:
    """How long points can be used: so many days or so many months, never both."""

    days: int | None = None
    months: int | None = None
    month_end: MonthEnd = MonthEnd.SAME_DAY

    def expires_on(self, granted_on: date) -> date:
        """Return the last day on which points granted on `granted_on` can be used.

        Both are days in the merchant's time zone.
        """
        if self.days is not None:
            return granted_on + timedelta(days=self.days)
        count = granted_on.year * 12 + granted_on.month - 1 + (self.months or 0)
        year, month = count // 12, count % 12 + 1
        last = calendar.monthrange(year, month)[1]
        day = last if self.month_end is MonthEnd.LAST_DAY else min(granted_on.day, last)
        return date(year, month, day)


@dataclass(frozen=True, slots=True)
class NewsletterReward:
    """What signing up for the newsletter brings (ECO-11), and whether leaving takes it back
    (ECO-12)."""

    points: int
    take_back: bool = False


@dataclass(frozen=True, slots=True)
class Programme:
    """The rules of one programme of one merchant.

    `points_per_unit` is how many points a unit of `currency` (ISO 4217) earns, before tax.
    `valid_for` None = points never expire. `pending_days` is the return window: for so many days
    after an order its points are shown and cannot be spent (R-20). `notice_days` is how many days
    before points expire their owner is told; None = she is not (ECO-14).
    """

    merchant_id: str
    programme_id: str
    name: str
    currency: str
    points_per_unit: Decimal = Decimal(1)
    rounding: Rounding = Rounding.DOWN
    valid_for: Validity | None = None
    refund_policy: RefundPolicy = RefundPolicy.CLAMP
    pending_days: int = 0
    notice_days: int | None = None
    newsletter_reward: NewsletterReward | None = None
    version: int = 1

    def earned(self, amount: Decimal) -> int:
        """Return the points that `amount` (of `currency`, before tax) earns; none for less than
        nothing."""
        return points_for(amount, self.points_per_unit, self.rounding)

    def usable_from(self, earned_on: date) -> date:
        """Return the first day on which points of an order completed on `earned_on` count."""
        return earned_on + timedelta(days=self.pending_days)

    def expires_on(self, usable_from: date) -> date | None:
        """Return the last day of points that can be used from `usable_from`; None = none."""
        return self.valid_for.expires_on(usable_from) if self.valid_for else None
