"""A programme's rules and an order's points, reckoned once more by other means than the product's.

Fractions instead of decimals, and days counted on the calendar one by one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

OPEN, COMPLETED, CANCELLED = "processing", "completed", "cancelled"
_RANK = {OPEN: 0, COMPLETED: 1, CANCELLED: 2}
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """What a merchant set. Amounts are texts, as they are sent."""

    per_unit: str
    rounding: str
    days: int | None
    months: int | None
    month_end: str
    pending_days: int
    policy: str
    notice_days: int | None
    reward: int | None
    take_back: bool

    @classmethod
    def drawn(cls, dice: random.Random) -> Rules:
        """Draw a programme."""
        kind = dice.choice(["days", "days", "months", "never"])
        return cls(
            per_unit=dice.choice(["1", "0.1", "2.5", "0.333"]),
            rounding=dice.choice(["down", "half_up", "up"]),
            days=dice.choice([1, 3, 7, 12]) if kind == "days" else None,
            months=1 if kind == "months" else None,
            month_end=dice.choice(["same_day", "last_day"]),
            pending_days=dice.choice([0, 0, 0, 2, 5]),
            policy=dice.choice(["clamp", "negative"]),
            notice_days=dice.choice([None, 1, 2, 5]),
            reward=dice.choice([None, 30, 30]),
            take_back=dice.random() < 0.5,
        )

    def as_body(self) -> dict[str, Any]:
        """Return the programme as the admin API takes it."""
        valid: dict[str, Any] | None = None
        if self.days is not None:
            valid = {"days": self.days}
        elif self.months is not None:
            valid = {"months": self.months, "month_end": self.month_end}
        reward = {"points": self.reward, "take_back": self.take_back} if self.reward else None
        return {
            "name": "Beans",
            "currency": "CZK",
            "points_per_unit": self.per_unit,
            "rounding": self.rounding,
            "valid_for": valid,
            "refund_policy": self.policy,
            "pending_days": self.pending_days,
            "notice_days": self.notice_days,
            "newsletter_reward": reward,
        }

    def earned(self, amount: Fraction) -> int:
        """Return the points of an amount."""
        points = max(amount, Fraction(0)) * Fraction(self.per_unit)
        if self.rounding == "down":
            return math.floor(points)
        return math.ceil(points) if self.rounding == "up" else math.floor(points + Fraction(1, 2))

    def last_day(self, granted: date) -> date:
        """Return the last day of points that can be used from `granted` on; date.max = none."""
        if self.days is not None:
            return granted + self.days * _ONE_DAY
        if self.months is None:
            return date.max
        day = granted.replace(day=1)
        for _ in range(self.months):
            day = _end_of_month(day) + _ONE_DAY
        last = _end_of_month(day)
        if self.month_end == "last_day":
            return last
        while day < last and day.day < granted.day:
            day += _ONE_DAY
        return day


def _end_of_month(day: date) -> date:
    while (day + _ONE_DAY).month == day.month:
        day += _ONE_DAY
    return day


@dataclass
class OrderTold:
    """An order as its shop told it, word by word."""

    order_id: str
    rules: Rules
    status: str = ""
    subtotal: str = "0"
    customer: str | None = None
    counts_from: date | None = None
    refunds: dict[str, str] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)

    def said(self, body: Mapping[str, Any], day: date) -> None:
        """Take a word: a status that is behind the one before says nothing any more."""
        status = str(body["status"])
        if self.status and _RANK[status] < _RANK[self.status]:
            return
        self.status, self.subtotal = status, str(body["subtotal_ex_tax"])
        self.customer = body["customer"]["id"] if body.get("customer") else None
        if self.customer is not None:
            self.members.add(self.customer)
        if self.counts_from is None and status == COMPLETED and self.customer is not None:
            self.counts_from = day + self.rules.pending_days * _ONE_DAY

    @property
    def points(self) -> int:
        """Return what the order comes to."""
        if self.status != COMPLETED or self.customer is None:
            return 0
        left = Fraction(self.subtotal) - sum(map(Fraction, self.refunds.values()))
        return self.rules.earned(left)
