"""The rules that hold for one merchant's recipients, as the one decision asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from concord.domain.caps import Cap, parse_cap
from concord.domain.law import PACKS, basis_rules, cap_rules
from concord.domain.marks import Basis
from concord.domain.merchant import Merchant
from concord.domain.merchant_window import parse_quiet_hours
from concord.domain.quiet_hours import LOOK_AHEAD, HoursDecision, QuietHours
from concord.domain.rule_packs.shapes import Verdict
from concord.domain.zones import place_of

# Shoppers who share a number may live in different places: `US-CA+US-FL`.
_AND: Final = "+"
_QUESTIONED: Final = frozenset(rule.basis for pack in PACKS for rule in pack.basis)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the law says of one moment (HoursRuling of decide_recipient.py)."""

    allowed: bool
    rules: tuple[str, ...]
    local: tuple[str, ...]
    until: datetime | None


class MerchantLaw:
    """The law of every place and the merchant's own hours and cap. Remembers no numbers.

    Where a number is shared by several shoppers, the rules of all their places count.
    """

    def __init__(self, merchant: Merchant) -> None:
        self._hours = QuietHours(parse_quiet_hours(merchant.quiet_hours))
        self._cap = parse_cap(merchant.frequency_cap)

    def hours(self, point: str, region: str, at: datetime) -> Ruling:
        """Rule on texting a number at `at`."""
        found = self._decide(point, region, at)
        allowed = all(each.allowed for each in found)
        return Ruling(
            allowed=allowed,
            rules=_distinct(r for each in found for r in each.rules if each.allowed == allowed),
            local=_distinct(f"{z} {t}" for each in found for z, t in each.local_times),
            until=None if allowed else self._next(point, region, at, found),
        )

    def forbidden_basis(
        self, point: str, region: str, basis: Basis, given_at: datetime, at: datetime
    ) -> tuple[str, ...]:
        """Return the ids of the rules that a consent of this basis, given then, does not satisfy.

        A rule that only warns forbids nothing.
        """
        if basis not in _QUESTIONED:
            return ()
        return _distinct(
            rule.rule_id
            for each in region.split(_AND)
            for given_on, on in [_days(point, each, given_at, at)]
            for rule in basis_rules(basis, given_on, place_of(point, each).jurisdictions, on)
            if rule.verdict is Verdict.BLOCK
        )

    def caps_of(self, point: str, region: str, at: datetime) -> tuple[Cap, ...]:
        """Return every cap that binds a recipient: the merchant's, and the law's where she is."""
        own = (self._cap,) if self._cap else ()
        on = at.astimezone(UTC).date()
        laws = (
            Cap(rule.texts, rule.days, rule.rule_id)
            for each in region.split(_AND)
            for rule in cap_rules(place_of(point, each).jurisdictions, on)
        )
        return tuple(dict.fromkeys((*own, *laws)))

    def _decide(self, point: str, region: str, at: datetime) -> list[HoursDecision]:
        return [self._hours.decide(at, point, each or None) for each in region.split(_AND)]

    def _next(
        self, point: str, region: str, at: datetime, found: list[HoursDecision]
    ) -> datetime | None:
        """Return the first moment that is legal in all places: each waits for the latest of them,
        and asks again then."""
        limit = at + LOOK_AHEAD
        while not all(each.allowed for each in found):
            moments = [each.next_at for each in found if not each.allowed]
            later = [moment for moment in moments if moment is not None]
            if len(later) < len(moments) or max(later) > limit:
                return None
            at = max(later)
            found = self._decide(point, region, at)
        return at


def _days(point: str, region: str, given_at: datetime, at: datetime) -> tuple[date, date]:
    """Return the days of both moments where she may be: the earliest and the latest, which leaves
    a consent that ends with its months the shortest life."""
    zones = [ZoneInfo(name) for name in place_of(point, region).zones]
    given = min(given_at.astimezone(zone).date() for zone in zones)
    return given, max(at.astimezone(zone).date() for zone in zones)


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
