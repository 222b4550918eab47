"""United Kingdom: the same bases as in the European Union."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import VERIFY, BasisRule, FooterRule, RulePack

GB: Final = RulePack(
    country="GB",
    version="2026.11",
    basis=(
        BasisRule(
            rule_id="gb-assumed-basis",
            jurisdiction="GB",
            source="PECR 2003, regulation 22; UK GDPR, Article 7",
            secondary=True,
            note=VERIFY,
            basis="assumed",
        ),
    ),
    footers=(
        FooterRule(
            rule_id="gb-opt-out-line",
            jurisdiction="GB",
            source="PECR 2003, regulation 23",
            secondary=True,
            note=VERIFY,
            line="$merchant. Reply STOP to opt out",
            carried=(("$merchant",), ("STOP",)),
        ),
    ),
)
