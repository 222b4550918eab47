"""European Economic Area: what holds in every member."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import BasisRule, RulePack

# The European Union, and Iceland, Liechtenstein and Norway, where the GDPR holds as well.
MEMBERS: Final = (
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
)

EU: Final = RulePack(
    country="EU",
    version="2026.11",
    basis=(
        BasisRule(
            rule_id="eu-assumed-basis",
            jurisdiction="EU",
            source="GDPR, Regulation (EU) 2016/679, Article 7; Irish DPC guide",
            note="the sender must be able to show consent",
            basis="assumed",
        ),
    ),
)
