"""Why a text may go out or not, in sentences that cite the rule (L-09), for `concord why`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from concord.domain.caps import MERCHANT_CAP
from concord.domain.law import RULES
from concord.domain.quiet_hours import MERCHANT_RULE
from concord.domain.rule_packs.shapes import (
    BasisRule,
    CapRule,
    FooterRule,
    Holidays,
    QuietRule,
    Rule,
    Week,
    Window,
)

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MERCHANT_CAP = re.compile(rf"{MERCHANT_CAP}-(\d+)-in-(\d+)-days")
_CLOSED_ON = {Holidays.FRANCE: "French public holidays"}


def explain_rules(rule_ids: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence or two for each rule: what it says, its source, since when it counts.

    An id that no pack has any more is named all the same: a send remembers the rules of its day.
    """
    return tuple(_explain(rule_id) for rule_id in rule_ids)


def _explain(rule_id: str) -> str:
    if rule_id == MERCHANT_RULE:
        return f"{rule_id}: the merchant's own hours."
    if cap := _MERCHANT_CAP.fullmatch(rule_id):
        return f"{rule_id}: {_at_most(int(cap[1]), int(cap[2]))}, the merchant's own."
    if rule_id not in RULES:
        return f"{rule_id}: not in the rule packs of this version."
    rule, pack = RULES[rule_id]
    where = "" if rule.jurisdiction == "*" else f" ({rule.jurisdiction})"
    parts = [
        f"{rule_id}{where}: {_content(rule)}, {_dates(rule)}.",
        f"Source: {rule.source}; pack {pack.country} {pack.version}.",
    ]
    if rule.secondary:
        parts.append("Taken from a secondary source.")
    if rule.note:
        parts.append(f"Note: {rule.note}.")
    return " ".join(parts)


def _content(rule: Rule) -> str:
    match rule:
        case QuietRule():
            closed = f", never on {_CLOSED_ON[rule.holidays]}" if rule.holidays else ""
            return f"texts {_hours(rule.week)} in the recipient's time{closed}"
        case BasisRule():
            limit = "" if rule.months is None else f" after {rule.months} months"
            return f"a basis of {rule.basis} is not enough{limit} ({rule.verdict})"
        case FooterRule():
            return f'each text carries a line such as "{rule.line}"'
        case CapRule():
            return _at_most(rule.texts, rule.days)
        case _:
            raise TypeError(f"no words for {type(rule).__name__}")


def _at_most(texts: int, days: int) -> str:
    return f"at most {texts} text{'' if texts == 1 else 's'} in {days * 24} hours"


def _dates(rule: Rule) -> str:
    since = f"in force from {rule.effective_from}" if rule.effective_from else "in force"
    return since if rule.effective_until is None else f"{since} until before {rule.effective_until}"


def _hours(week: Week) -> str:
    """Return the week with days of the same hours together: `Mon-Fri 09:00-18:00, Sun none`."""
    runs: list[tuple[int, int, Window | None]] = []
    for day, window in enumerate(week):
        if runs and runs[-1][2] == window:
            runs[-1] = (runs[-1][0], day, window)
        else:
            runs.append((day, day, window))
    return ", ".join(f"{_span(first, last)} {_window(window)}" for first, last, window in runs)


def _span(first: int, last: int) -> str:
    return _DAYS[first] if first == last else f"{_DAYS[first]}-{_DAYS[last]}"


def _window(window: Window | None) -> str:
    return "none" if window is None else f"{_clock(window.start)}-{_clock(window.end)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
