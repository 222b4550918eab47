"""Twilio's error codes that say something of the number, from a send or a status callback (R-07).

Source: twilio.com/docs/api/errors/<code>. Left out, and so soft: 30003 (switched off, out of reach,
or the carrier's trouble: "may occur once"), 30004 (the recipient blocks this sender, or the carrier
the text), 30007 (filtered), 30008 (unknown), 21612 and 21408 (this sender cannot reach her), and
everything else that is about the sender, the text or the route.
"""

from __future__ import annotations

from typing import Final

from concord.domain.events import Failure
from concord.platforms.failures import Failures

FAILURES: Final[Failures] = {
    "21211": Failure.HARD,  # invalid 'To' number
    "21614": Failure.HARD,  # 'To' is no mobile number
    "21635": Failure.HARD,  # 'To' is a landline (US, CA and UK landlines fail with 30006 instead)
    "30005": Failure.HARD,  # unknown handset: inactive or no longer in service
    "30006": Failure.HARD,  # landline, or (short codes only) a carrier that takes nothing from us
    "21610": Failure.OPTED_OUT,
}
