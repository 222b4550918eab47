"""France: no marketing texts on Sundays and public holidays."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import (
    VERIFY,
    FooterRule,
    Holidays,
    QuietRule,
    RulePack,
    hours,
)

_BREVO: Final = "help.brevo.com 11884482521234"

FR: Final = RulePack(
    country="FR",
    version="2026.11",
    quiet=(
        QuietRule(
            rule_id="fr-hours",
            jurisdiction="FR",
            source=_BREVO,
            secondary=True,
            note=f"without the two more holidays of Alsace and Moselle; {VERIFY}",
            week=(*(hours(8, 22),) * 6, None),
            holidays=Holidays.FRANCE,
        ),
    ),
    footers=(
        FooterRule(
            rule_id="fr-stop",
            jurisdiction="FR",
            source=_BREVO,
            secondary=True,
            note=VERIFY,
            line="Pour ne plus recevoir de SMS: STOP",
            carried=(("STOP",),),
        ),
    ),
)
