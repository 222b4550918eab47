"""Quiet hours in the recipient's time (R-01): when she may be texted, and when next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from concord.domain.holidays import is_holiday
from concord.domain.law import quiet_rules
from concord.domain.rule_packs.shapes import ALWAYS, QuietRule, Week, Window
from concord.domain.zones import Place, place_of

MERCHANT_RULE: Final = "merchant-hours"
LOOK_AHEAD: Final = timedelta(days=14)
_DAY: Final = 24 * 60
_MINUTE: Final = timedelta(minutes=1)
# Distinct (jurisdictions, zones, minute): a memo of so many is some 20 MB at most.
_MEMO: Final = 20_000


@dataclass(frozen=True, slots=True)
class HoursDecision:
    """Whether a text may go out at a moment.

    allowed      True: every rule allows it in every zone the recipient may be in
    next_at      the earliest later moment (UTC) at which it may; None = it may now, or not within
                 LOOK_AHEAD
    rules        the ids of the rules that forbid it; when it may: of all that were asked
    local_times  (zone, "HH:MM") of each zone she may be in, at the moment that was asked about
    """

    allowed: bool
    next_at: datetime | None
    rules: tuple[str, ...]
    local_times: tuple[tuple[str, str], ...]


class QuietHours:
    """Decides for one merchant. Remembers decisions by place and minute, and no numbers."""

    def __init__(self, merchant_window: Week | None = None) -> None:
        """`merchant_window` is what `parse_quiet_hours` returned; None = the law alone."""
        self._merchant = merchant_window
        self._memo: dict[tuple[Place, int], HoursDecision] = {}

    def decide(self, at: datetime, number: str, region: str | None = None) -> HoursDecision:
        """Decide for a recipient at the moment `at` (aware)."""
        place = place_of(number, region)
        minute = int(at.timestamp()) // 60
        key = (place, minute)
        decision = self._memo.get(key)
        if decision is None:
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            moment = datetime.fromtimestamp(minute * 60, UTC)
            decision = self._memo[key] = _decide(moment, place, self._rules(place))
        return decision

    def _rules(self, place: Place) -> tuple[QuietRule, ...]:
        rules = quiet_rules(place.jurisdictions)
        return rules if self._merchant is None else (*rules, _merchant_rule(self._merchant))


def _merchant_rule(week: Week) -> QuietRule:
    return QuietRule(rule_id=MERCHANT_RULE, jurisdiction="*", source="the merchant", week=week)


def _decide(at: datetime, place: Place, rules: tuple[QuietRule, ...]) -> HoursDecision:
    zones = [ZoneInfo(name) for name in sorted(place.zones)]
    against = list(_against(at, zones, rules))
    decided = {rule.rule_id: None for rule, _ in against} or {r.rule_id: None for r in rules}
    return HoursDecision(
        allowed=not against,
        next_at=_next(at, zones, rules) if against else None,
        rules=tuple(decided),
        local_times=tuple((zone.key, f"{at.astimezone(zone):%H:%M}") for zone in zones),
    )


def _against(
    at: datetime, zones: Iterable[ZoneInfo], rules: tuple[QuietRule, ...]
) -> Iterator[tuple[QuietRule, ZoneInfo]]:
    """Yield each rule that forbids texts at `at`, with the zone in which it does."""
    for zone in zones:
        local = at.astimezone(zone)
        day, minute = local.date(), _minute_of(local)
        for rule in rules:
            window = _window(rule, day)
            if window is None or not window.start <= minute < window.end:
                yield rule, zone


def _next(at: datetime, zones: list[ZoneInfo], rules: tuple[QuietRule, ...]) -> datetime | None:
    """Return the first moment after `at` at which nothing forbids texts.

    No answer can lie before the next opening of any one rule that forbids: so jump to the latest
    of these, and look again. Each jump ends at a later opening, of which there are few in 14 days.
    """
    limit = at + LOOK_AHEAD
    while at <= limit:
        openings = [_opening(at, zone, rule, limit) for rule, zone in _against(at, zones, rules)]
        if not openings:
            return at
        latest = max((opening for opening in openings if opening), default=None)
        if latest is None or None in openings:
            return None
        at = latest
    return None


def _opening(at: datetime, zone: ZoneInfo, rule: QuietRule, limit: datetime) -> datetime | None:
    """Return the first moment from `at` on at which `rule` allows texts in `zone`.

    Between two changes of a zone's clocks local time runs evenly, and a wait on the clock on the
    wall is a wait in truth. If they change before it is over, it is counted anew from there.
    """
    while at <= limit:
        local = at.astimezone(zone)
        wait = _wait(rule, local.date(), _minute_of(local))
        if wait is None:
            return None
        opening = at + wait * _MINUTE
        if opening.astimezone(zone).utcoffset() == local.utcoffset():
            return opening
        at = _change(at, opening, zone)
    return None


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first minute at which the clocks are no longer as they were at `before`."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _MINUTE:
        middle = before + (after - before) // _MINUTE // 2 * _MINUTE
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _minute_of(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _wait(rule: QuietRule, day: date, minute: int) -> int | None:
    """Return the minutes on the wall clock until `rule` allows texts; 0 = it does; None = never."""
    for ahead in range(LOOK_AHEAD.days + 2):
        window = _window(rule, day + timedelta(ahead))
        now = minute - ahead * _DAY
        if window is not None and now < window.end:
            return max(window.start - now, 0)
    return None


def _window(rule: QuietRule, on: date) -> Window | None:
    if not rule.in_force(on):
        return ALWAYS
    if rule.holidays is not None and is_holiday(rule.holidays, on):
        return None
    return rule.week[on.weekday()]
