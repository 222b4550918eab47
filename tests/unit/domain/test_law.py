"""Law as data: the packs themselves, and what they say of consent, footers and caps."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from concord.domain import law
from concord.domain.explain import explain_rules
from concord.domain.law import (
    PACKS,
    RULES,
    basis_rules,
    cap_rules,
    footer_rules,
    missing_footer,
    quiet_rules,
)
from concord.domain.marks import Basis
from concord.domain.quiet_hours import MERCHANT_RULE
from concord.domain.rule_packs.shapes import VERIFY, Verdict
from concord.domain.segments import Encoding, count_segments
from tests.support.places import jurisdictions_of

TODAY = date(2026, 11, 24)


def _ids(rules: Any) -> list[str]:
    return [rule.rule_id for rule in rules]


def test_every_rule_has_a_name_of_its_own_and_a_source() -> None:
    """L-09: what a send remembers is one id, and it can be looked up."""
    assert len(RULES) == sum(len(pack.rules()) for pack in PACKS)
    for rule, pack in RULES.values():
        assert rule.source
        assert rule.jurisdiction.split("-")[0] == pack.country
        if rule.secondary:
            assert VERIFY in rule.note, rule.rule_id
        if rule.effective_from and rule.effective_until:
            assert rule.effective_from < rule.effective_until


def test_every_week_has_seven_days_of_sound_hours() -> None:
    """R-01: hours within the day."""
    for pack in PACKS:
        for rule in pack.quiet:
            assert len(rule.week) == 7
            assert all(w is None or 0 <= w.start < w.end <= 1440 for w in rule.week)


def test_all_hours_of_states_come_from_a_secondary_table() -> None:
    """L-09: nobody takes them for verified."""
    states = [rule for pack in PACKS for rule in pack.quiet if "-" in rule.jurisdiction]
    assert {rule.jurisdiction[-2:] for rule in states} == set(
        "CT FL MD MS NJ OK RI TX WA".split()  # noqa: SIM905
    )
    assert all(rule.secondary for rule in states)


def test_every_basis_is_one_that_consent_has() -> None:
    """R-03: a misspelt basis would block nobody."""
    names = {rule.basis for pack in PACKS for rule in pack.basis}
    assert names <= set(Basis)


@pytest.mark.parametrize(
    ("jurisdictions", "expected"),
    [
        (("US", "US-NY"), ["us-federal-hours"]),
        (("US", "US-FL"), ["us-federal-hours", "us-fl-hours-2021"]),
        (("FR",), ["fr-hours"]),
        (("GB", "GG", "IM", "JE"), ["house-hours"]),
        (("FR", "CZ"), ["fr-hours", "house-hours"]),
        ((), ["house-hours"]),
    ],
)
def test_whose_hours_count(jurisdictions: tuple[str, ...], expected: list[str]) -> None:
    """R-01: a country without hours gets the house's, also beside one that has some."""
    assert _ids(quiet_rules(jurisdictions)) == expected


@pytest.mark.parametrize(
    ("number", "region", "basis", "blocked", "warned"),
    [
        ("+12065550123", None, "assumed", ["us-wa-assumed-basis"], ["us-assumed-basis"]),
        ("+12125550123", "US-WA", "assumed", ["us-wa-assumed-basis"], ["us-assumed-basis"]),
        ("+12125550123", None, "assumed", [], ["us-assumed-basis"]),
        ("+12065550123", None, "explicit", [], []),
        ("+420777123456", None, "assumed", ["eu-assumed-basis"], []),
        ("+33612345678", None, "assumed", ["eu-assumed-basis"], []),
        ("+4745678901", None, "assumed", ["eu-assumed-basis"], []),
        ("+596696123456", None, "assumed", ["eu-assumed-basis"], []),
        ("+41781234567", None, "assumed", [], []),
        ("+442079460123", None, "assumed", ["gb-assumed-basis"], []),
        ("+61412345678", None, "assumed", [], ["au-assumed-basis"]),
        ("+14165550123", None, "assumed", ["ca-assumed-basis"], []),
        ("+33612345678", None, "soft_opt_in", [], []),
        ("+33612345678", None, "explicit", [], []),
    ],
)
def test_which_basis_is_not_enough(
    number: str, region: str | None, basis: str, blocked: list[str], warned: list[str]
) -> None:
    """R-03, L-09: the legality gate blocks or warns by place."""
    found = basis_rules(basis, TODAY, jurisdictions_of(number, region), TODAY)
    assert _ids(rule for rule in found if rule.verdict is Verdict.BLOCK) == blocked
    assert _ids(rule for rule in found if rule.verdict is Verdict.WARN) == warned


@pytest.mark.parametrize(
    ("given_on", "on", "refused"),
    [
        (date(2024, 11, 24), date(2026, 11, 23), False),
        (date(2024, 11, 24), date(2026, 11, 24), True),
        (date(2024, 2, 29), date(2026, 2, 28), False),
        (date(2024, 2, 29), date(2026, 3, 1), True),
        (date(2024, 12, 31), date(2026, 12, 30), False),
        (date(2024, 12, 31), date(2026, 12, 31), True),
    ],
)
def test_implied_consent_ends_in_canada(given_on: date, on: date, refused: bool) -> None:
    """L-09: CASL, a purchase implies consent for 24 months."""
    found = basis_rules("soft_opt_in", given_on, ("CA", "CA-ON"), on)
    assert _ids(found) == (["ca-implied-consent-24-months"] if refused else [])


def test_months_end_where_the_next_begins() -> None:
    """L-09: a day that the month does not have."""
    assert law._months_later(date(2026, 12, 31), 2) == date(2027, 3, 1)
    assert law._months_later(date(2026, 8, 31), 1) == date(2026, 10, 1)
    assert law._months_later(date(2026, 11, 30), 1) == date(2026, 12, 30)


@pytest.mark.parametrize(
    ("country", "text", "line"),
    [
        ("US", "Sale at Grün today", "Reply STOP to opt out"),
        ("US", "Sale today. Txt stop to end", None),
        ("FR", "Soldes", "Pour ne plus recevoir de SMS: STOP"),
        ("FR", "Soldes. STOP 36111", None),
        ("CZ", "Sleva", "Obchodni sdeleni, Grün. Odhlaseni: STOP"),
        ("CZ", "Grün: sleva. STOP", "Obchodni sdeleni, Grün. Odhlaseni: STOP"),
        ("CZ", "Obchodní sdělení GRÜN: sleva. Odhlaseni STOP", None),
        ("CA", "Grün: sale. STOP", None),
        ("CA", "Grün: rabais. ARRET", None),
        ("CA", "Sale. STOP", "Grün. Reply STOP to unsubscribe"),
        ("AU", "Sale", "Grün. Reply STOP to opt out"),
        ("GB", "Sale", "Grün. Reply STOP to opt out"),
        ("DE", "Angebote", "Grün. Abmelden: STOP"),
        ("ES", "Rebajas Grün. BAJA", None),
    ],
)
def test_what_a_text_must_carry(country: str, text: str, line: str | None) -> None:
    """R-11, L-09: the opt-out line of the recipient's country, unless the text has it."""
    [rule] = footer_rules((country,), TODAY)
    assert missing_footer(rule, text, "Grün") == line
    if line is not None:
        assert missing_footer(rule, f"{text}\n{line}", "Grün") is None


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("US", "Stop by today for peaches!"),
        ("US", "STOP BY OUR STORE TODAY"),
        ("US", "STOP! Peaches at half price"),
        ("US", "Don't stop now: nonstop savings"),
        ("US", "NON-STOP"),
        ("US", "Hungry? STOP for a coffee"),
        ("US", "WE WON'T STOP"),
        ("FR", "Des soldes non-stop"),
        ("ES", "Gr\u00fcn: baja de precios"),
        ("CA", "Gr\u00fcn: stop in for a coffee"),
    ],
)
def test_an_ordinary_word_is_no_way_out(country: str, text: str) -> None:
    """R-11, L-09: whoever reads "stop by" is not told how to opt out, so the line is added."""
    [rule] = footer_rules((country,), TODAY)
    assert missing_footer(rule, text, "Gr\u00fcn") is not None


@pytest.mark.parametrize(
    "text",
    [
        "Peaches. Reply STOP to opt out",
        "Peaches. Text 'STOP' to opt-out",
        "Peaches\nSTOP to end",
        "Peaches. Stop=end",
        "Peaches. STOP 2 quit",
        "Peaches (reply with stop to unsubscribe)",
        "Opt out: STOP",
        "Peaches. Txt \u201cSTOP\u201d to 36111.",
        "Stop by today. Reply STOP to end",
    ],
)
def test_a_way_out_in_other_words_is_enough(text: str) -> None:
    """R-16, L-09: nobody pays for a line that the text has already."""
    [rule] = footer_rules(("US",), TODAY)
    assert missing_footer(rule, text, "Gr\u00fcn") is None


def test_no_footer_makes_a_text_ucs_2() -> None:
    """R-16: what the law adds costs its own length and no more."""
    for pack in PACKS:
        for rule in pack.footers:
            assert count_segments(rule.line.replace("$", "")).encoding is Encoding.GSM_7


def test_caps_of_the_law() -> None:
    """R-02, L-09: Florida, since its law."""
    [rule] = cap_rules(("US", "US-FL"), TODAY)
    assert (rule.texts, rule.days, rule.secondary) == (3, 1, True)
    assert cap_rules(("US", "US-FL"), date(2021, 6, 30)) == ()
    assert cap_rules(("US", "US-NY"), TODAY) == ()


def test_every_rule_can_be_explained() -> None:
    """L-09: in words, with source, pack and the warning that it is second hand."""
    for rule_id, (rule, pack) in RULES.items():
        [sentence] = explain_rules([rule_id])
        assert sentence.startswith(rule_id)
        assert rule.source in sentence
        assert f"pack {pack.country} {pack.version}" in sentence
        assert ("secondary source" in sentence) == rule.secondary
        if rule.effective_from:
            assert f"in force from {rule.effective_from}" in sentence


@pytest.mark.parametrize(
    ("rule_id", "words"),
    [
        ("us-fl-hours-2021", "texts Mon-Sun 08:00-20:00 in the recipient's time"),
        ("us-ri-hours", "texts Mon-Fri 09:00-18:00, Sat-Sun 10:00-17:00 in"),
        ("us-tx-hours-2025", "(US-TX): texts Mon-Sat 09:00-21:00, Sun 12:00-21:00 in"),
        ("fr-hours", "Mon-Sat 08:00-22:00, Sun none in the recipient's time, never on French"),
        ("us-wa-assumed-basis", "a basis of assumed is not enough (block)"),
        ("ca-implied-consent-24-months", "a basis of soft_opt_in is not enough after 24 months"),
        ("us-opt-out-line", 'each text carries a line such as "Reply STOP to opt out"'),
        ("us-fl-cap-2021", "at most 3 texts in 24 hours, in force from 2021-07-01"),
        ("house-hours", "house-hours: texts Mon-Sun 08:00-21:00"),
        (MERCHANT_RULE, "merchant-hours: the merchant's own hours."),
        ("us-fl-hours-2021", "Fla. Stat. 501.616(6) (support.referrizer.com, TCPA quiet hours)"),
        ("us-fl-hours-2021", f"Note: {VERIFY}."),
        ("merchant-cap-4-in-7-days", "at most 4 texts in 168 hours, the merchant's own."),
        ("us-gone", "us-gone: not in the rule packs of this version."),
    ],
)
def test_the_words_of_a_rule(rule_id: str, words: str) -> None:
    """L-09: what `concord why` prints."""
    [sentence] = explain_rules([rule_id])
    assert words in sentence
