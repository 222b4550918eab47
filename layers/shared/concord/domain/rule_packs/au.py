"""Australia: the Spam Act."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import VERIFY, BasisRule, FooterRule, RulePack, Verdict

AU: Final = RulePack(
    country="AU",
    version="2026.11",
    basis=(
        BasisRule(
            rule_id="au-assumed-basis",
            jurisdiction="AU",
            source="Spam Act 2003; bandwidth.com 12823112; 160.com.au",
            secondary=True,
            note=f"consent may be inferred from a relationship, which must be shown; {VERIFY}",
            basis="assumed",
            verdict=Verdict.WARN,
        ),
    ),
    footers=(
        FooterRule(
            rule_id="au-identify-and-unsubscribe",
            jurisdiction="AU",
            source="Spam Act 2003; bandwidth.com 12823112; 160.com.au",
            secondary=True,
            note=f"sender named, unsubscribe in each message; {VERIFY}",
            line="$merchant. Reply STOP to opt out",
            carried=(("$merchant",), ("STOP",)),
        ),
    ),
)
