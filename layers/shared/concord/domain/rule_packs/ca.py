"""Canada: the anti-spam law (CASL)."""

from __future__ import annotations

from typing import Final

from concord.domain.rule_packs.shapes import VERIFY, BasisRule, FooterRule, RulePack

_CASL: Final = "CASL, S.C. 2010, c. 23; CRTC 2012-548; mondaq 203566"

CA: Final = RulePack(
    country="CA",
    version="2026.11",
    basis=(
        BasisRule(
            rule_id="ca-assumed-basis",
            jurisdiction="CA",
            source=_CASL,
            secondary=True,
            note=f"consent is express or implied by a purchase; {VERIFY}",
            basis="assumed",
        ),
        BasisRule(
            rule_id="ca-implied-consent-24-months",
            jurisdiction="CA",
            source=_CASL,
            secondary=True,
            note=f"a purchase implies consent for two years; {VERIFY}",
            basis="soft_opt_in",
            months=24,
        ),
    ),
    footers=(
        FooterRule(
            rule_id="ca-identity-and-unsubscribe",
            jurisdiction="CA",
            source=_CASL,
            secondary=True,
            note=f"sender named, unsubscribe in each message; {VERIFY}",
            line="$merchant. Reply STOP to unsubscribe",
            carried=(("$merchant",), ("STOP", "ARRET")),
        ),
    ),
)
