"""Czech Republic: commercial communications of Act 480/2004."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import FooterRule, RulePack

CZ: Final = RulePack(
    country="CZ",
    version="2026.11",
    footers=(
        FooterRule(
            rule_id="cz-commercial-label",
            jurisdiction="CZ",
            source="Act 480/2004, sections 7 and 11; uoou.gov.cz FAQ",
            note="marked as commercial, sender named, a valid way to opt out each time; without "
            "diacritics, which would make the text UCS-2",
            line="Obchodni sdeleni, $merchant. Odhlaseni: STOP",
            carried=(
                ("obchodni sdeleni", "obchodní sdělení"),
                ("$merchant",),
                ("STOP",),
            ),
        ),
    ),
)
