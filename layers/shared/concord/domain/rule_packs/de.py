"""Germany: sender and a way to opt out in each message."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import VERIFY, FooterRule, RulePack

DE: Final = RulePack(
    country="DE",
    version="2026.11",
    footers=(
        FooterRule(
            rule_id="de-opt-out-line",
            jurisdiction="DE",
            source="Directive 2002/58/EC, Article 13; sorena.io/artifacts/eu/eprivacy-directive",
            secondary=True,
            note=f"as the country transposed the directive; {VERIFY}",
            line="$merchant. Abmelden: STOP",
            carried=(("$merchant",), ("STOP",)),
        ),
    ),
)
