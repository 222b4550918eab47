"""Where no pack has hours: ours. No law, and a merchant's own window comes on top."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import QuietRule, RulePack, every_day, hours

HOUSE: Final = RulePack(
    country="*",
    version="2026.11",
    quiet=(
        QuietRule(
            rule_id="house-hours",
            jurisdiction="*",
            source="Concord",
            note="house rule for countries without hours for texts in these packs",
            week=every_day(hours(8, 21)),
        ),
    ),
)
