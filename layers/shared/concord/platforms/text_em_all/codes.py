"""Codes of a delivery report that say something of the number (R-07).

They publish none: these words are ours, and `words.code` of the settings maps theirs to them.
"""

from __future__ import annotations

from typing import Final

from concord.domain.events import Failure
from concord.platforms.failures import Failures

FAILURES: Final[Failures] = {
    "invalid_number": Failure.HARD,
    "landline": Failure.HARD,
    "disconnected": Failure.HARD,
    "reassigned": Failure.HARD,  # somebody else's by now, who never agreed
    "opted_out": Failure.OPTED_OUT,
}
