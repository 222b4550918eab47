"""Law as data (L-09): which rules count for whom, on which date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from string import Template
from typing import Final

from concord.domain.rule_packs.au import AU
from concord.domain.rule_packs.ca import CA
from concord.domain.rule_packs.cz import CZ
from concord.domain.rule_packs.de import DE
from concord.domain.rule_packs.es import ES
from concord.domain.rule_packs.eu import EU, MEMBERS
from concord.domain.rule_packs.fr import FR
from concord.domain.rule_packs.gb import GB
from concord.domain.rule_packs.house import HOUSE
from concord.domain.rule_packs.shapes import (
    BasisRule,
    CapRule,
    FooterRule,
    QuietRule,
    Rule,
    RulePack,
)
from concord.domain.rule_packs.us import US
from concord.domain.way_out import says_how

PACKS: Final[tuple[RulePack, ...]] = (US, CA, FR, CZ, DE, ES, EU, GB, AU, HOUSE)
RULES: Final[Mapping[str, tuple[Rule, RulePack]]] = {
    rule.rule_id: (rule, pack) for pack in PACKS for rule in pack.rules()
}
_MEMBERS: Final = frozenset(MEMBERS.split())


def _reach(jurisdictions: Iterable[str]) -> frozenset[str]:
    named = frozenset(jurisdictions)
    return named | {"EU"} if named & _MEMBERS else named


def _of[R: Rule](rules: Iterable[R], jurisdictions: Iterable[str]) -> tuple[R, ...]:
    reach = _reach(jurisdictions)
    return tuple(rule for rule in rules if rule.jurisdiction in reach)


def quiet_rules(jurisdictions: Iterable[str]) -> tuple[QuietRule, ...]:
    """Return the hours of every jurisdiction, whatever the date: a search looks days ahead.

    A country without hours of its own gets the house's.
    """
    countries = {name for name in jurisdictions if "-" not in name}
    found = _of((rule for pack in PACKS for rule in pack.quiet), jurisdictions)
    covered = {rule.jurisdiction for rule in found}
    return found if countries and countries <= covered else (*found, *HOUSE.quiet)


def basis_rules(
    basis: str, given_on: date, jurisdictions: Iterable[str], on: date
) -> tuple[BasisRule, ...]:
    """Return the rules by which consent with `basis` is not enough on the local date `on`.

    given_on  when it was given: some count for a number of months only
    """
    rules = _of((rule for pack in PACKS for rule in pack.basis), jurisdictions)
    return tuple(
        rule
        for rule in rules
        if rule.basis == basis
        and rule.in_force(on)
        and (rule.months is None or on >= _months_later(given_on, rule.months))
    )


def _months_later(on: date, months: int) -> date:
    """Return the same day so many months later; the 29th to 31st may be the 1st after it."""
    years, month = divmod(on.month - 1 + months, 12)
    year = on.year + years
    try:
        return date(year, month + 1, on.day)
    except ValueError:
        return date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)


def footer_rules(jurisdictions: Iterable[str], on: date) -> tuple[FooterRule, ...]:
    """Return what a marketing text must carry."""
    rules = _of((rule for pack in PACKS for rule in pack.footers), jurisdictions)
    return tuple(rule for rule in rules if rule.in_force(on))


def missing_footer(rule: FooterRule, text: str, merchant: str) -> str | None:
    """Return the line that `text` still needs, or None: it carries what the rule asks for.

    A word in capitals has to be one to answer with; others are looked for in any case. $merchant
    stands for the sender's name.
    """
    for words in rule.carried:
        if not any(_carries(text, word, merchant) for word in words):
            return Template(rule.line).safe_substitute(merchant=merchant)
    return None


def _carries(text: str, word: str, merchant: str) -> bool:
    if word.isupper():
        return says_how(text, word)
    wanted = merchant if word == "$merchant" else word
    return wanted.casefold() in text.casefold()


def cap_rules(jurisdictions: Iterable[str], on: date) -> tuple[CapRule, ...]:
    """Return the frequency caps of the law."""
    rules = _of((rule for pack in PACKS for rule in pack.caps), jurisdictions)
    return tuple(rule for rule in rules if rule.in_force(on))
