"""United States: federal rules and those of states that are stricter."""

from __future__ import annotations

from datetime import date
from typing import Final

from concord.domain.rule_packs.shapes import (
    VERIFY,
    BasisRule,
    CapRule,
    FooterRule,
    QuietRule,
    RulePack,
    Verdict,
    Week,
    every_day,
    hours,
)

_FEDERAL: Final = "47 CFR 64.1200(c)(1)"
_TABLE: Final = "support.referrizer.com, TCPA quiet hours"
_CTIA: Final = "CTIA Messaging Principles and Best Practices, May 2023"
_EIGHT_TO_EIGHT: Final = every_day(hours(8, 20))
_TEXAS: Final = (*(hours(9, 21),) * 6, hours(12, 21))
_RHODE_ISLAND: Final = (*(hours(9, 18),) * 5, hours(10, 17), hours(10, 17))


def _state(
    state: str, week: Week, source: str, since: date | None = None, note: str = VERIFY
) -> QuietRule:
    """Return a state's hours: all of them come from a secondary table."""
    year = f"-{since.year}" if since else ""
    return QuietRule(
        rule_id=f"us-{state.lower()}-hours{year}",
        jurisdiction=f"US-{state}",
        source=f"{source} ({_TABLE})",
        effective_from=since,
        secondary=True,
        note=note,
        week=week,
    )


US: Final = RulePack(
    country="US",
    version="2026.11",
    quiet=(
        QuietRule(
            rule_id="us-federal-hours",
            jurisdiction="US",
            source=f"{_FEDERAL}; infolawgroup.com 2025-03-26",
            note="whether it binds texts with consent was put to the FCC in March 2025 and is "
            "litigated; enforced regardless",
            week=every_day(hours(8, 21)),
        ),
        _state("CT", every_day(hours(9, 20)), "Public Act 23-98", date(2023, 10, 1)),
        _state("FL", _EIGHT_TO_EIGHT, "Fla. Stat. 501.616(6)", date(2021, 7, 1)),
        _state("MD", _EIGHT_TO_EIGHT, "Stop the Spam Calls Act of 2023", date(2024, 1, 1)),
        _state("MS", _EIGHT_TO_EIGHT, "Mississippi Telephone Solicitation Act"),
        _state("NJ", _EIGHT_TO_EIGHT, "New Jersey telemarketing law"),
        _state(
            "OK",
            _EIGHT_TO_EIGHT,
            "Telephone Solicitation Act of 2022, 15 OS 775C",
            date(2022, 11, 1),
        ),
        _state("RI", _RHODE_ISLAND, "R.I. Gen. Laws 5-61-3.6"),
        _state(
            "TX",
            _TEXAS,
            "SB 140; varnumlaw.com/insights/texas-sb-140",
            date(2025, 9, 1),
            note=f"texts are solicitations since SB 140; {VERIFY}",
        ),
        _state("WA", _EIGHT_TO_EIGHT, "RCW 19.158.040", date(2022, 6, 9)),
    ),
    basis=(
        BasisRule(
            rule_id="us-assumed-basis",
            jurisdiction="US",
            source=_CTIA,
            note="carriers ask for express written consent to marketing",
            basis="assumed",
            verdict=Verdict.WARN,
        ),
        BasisRule(
            rule_id="us-wa-assumed-basis",
            jurisdiction="US-WA",
            source="RCW 19.190.060, 19.190.070",
            note="no commercial text unless the recipient clearly consented in advance",
            basis="assumed",
        ),
    ),
    footers=(
        FooterRule(
            rule_id="us-opt-out-line",
            jurisdiction="US",
            source=_CTIA,
            line="Reply STOP to opt out",
            carried=(("STOP",),),
        ),
    ),
    caps=(
        CapRule(
            rule_id="us-fl-cap-2021",
            jurisdiction="US-FL",
            source="Fla. Stat. 501.616(6), widely cited",
            effective_from=date(2021, 7, 1),
            secondary=True,
            note=VERIFY,
            texts=3,
            days=1,
        ),
    ),
)
