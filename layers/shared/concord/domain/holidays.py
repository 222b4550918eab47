"""Public holidays, computed: no list runs out at the end of a year."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from concord.domain.rule_packs.shapes import Holidays


def is_holiday(calendar: Holidays, on: date) -> bool:
    """Tell whether the local date `on` is a public holiday of `calendar`."""
    return on in _DAYS[calendar](on.year)


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Gauss, as completed by Lichtenberg)."""
    century = year // 100
    moon = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    sun = 2 - (3 * century + 3) // 4
    golden = year % 19
    seed = (19 * golden + moon) % 30
    full_moon = 21 + seed - (seed // 29 + (seed // 28 - seed // 29) * (golden // 11))
    first_sunday = 7 - (year + year // 4 + sun) % 7
    return date(year, 3, 1) + timedelta(full_moon + 7 - (full_moon - first_sunday) % 7 - 1)


@lru_cache(maxsize=16)
def _france(year: int) -> frozenset[date]:
    """Code du travail, article L3133-1."""
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    # Easter Monday, Ascension Day, Whit Monday.
    moving = (easter(year) + timedelta(days) for days in (1, 39, 50))
    return frozenset([*(date(year, month, day) for month, day in fixed), *moving])


_DAYS = {Holidays.FRANCE: _france}
