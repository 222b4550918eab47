"""The law of one recipient, in one call each: the product asks for many at once."""

from __future__ import annotations

from datetime import datetime

from concord.domain.quiet_hours import HoursDecision, QuietHours
from concord.domain.rule_packs.shapes import Week
from concord.domain.zones import place_of


def decide_hours(
    at: datetime, number: str, region: str | None = None, merchant_window: Week | None = None
) -> HoursDecision:
    """Decide for one recipient at the moment `at` (aware)."""
    return QuietHours(merchant_window).decide(at, number, region)


def zones_of(number: str, region: str | None = None) -> frozenset[str]:
    """Return the IANA zones that the recipient may be in."""
    return place_of(number, region).zones


def jurisdictions_of(number: str, region: str | None = None) -> tuple[str, ...]:
    """Return whose rules count for the recipient, such as ("US", "US-FL")."""
    return place_of(number, region).jurisdictions
