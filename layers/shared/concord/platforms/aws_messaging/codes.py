"""AWS's failure events that say something of the number (R-07).

Source: sms-voice user guide, "configuration-sets-event-types". Soft by what it says there:
TEXT_UNREACHABLE (the device is off or has no network), TEXT_CARRIER_UNREACHABLE (a transient error
of the carrier's network), TEXT_TTL_EXPIRED; TEXT_BLOCKED, TEXT_CARRIER_BLOCKED and TEXT_SPAM (this
text, or this sender to this person); TEXT_INVALID_MESSAGE and TEXT_PROTECT_BLOCKED (about the text
and the account). No event says that somebody opted out: the send itself is refused then.
"""

from __future__ import annotations

from typing import Final

from concord.domain.events import Failure
from concord.platforms.failures import Failures

FAILURES: Final[Failures] = {
    "TEXT_INVALID": Failure.HARD,  # the destination number is not valid
}
