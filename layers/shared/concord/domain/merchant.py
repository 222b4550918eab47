"""A merchant: the retailer whose shoppers these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from concord.domain.times import local_date


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who a connection belongs to. `country` reads national numbers; `time_zone` is IANA.

    `not_before` is the day that it was in the zone from which he moved.
    """

    merchant_id: str
    name: str
    time_zone: str
    country: str
    allow_multi_link: bool = False
    quiet_hours: Mapping[str, Any] = field(default_factory=dict)
    frequency_cap: Mapping[str, Any] = field(default_factory=dict)
    not_before: date | None = None

    def day(self, now: datetime) -> date:
        """Return his day at `now` (aware): that of his zone, but none a second time.

        Who moves to where his day has not begun yet keeps it until it has: the night before it is
        over, its report is made, and nothing looks there again.
        """
        return max(local_date(now, self.time_zone), self.not_before or date.min)
