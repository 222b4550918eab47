"""What a person should look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

# The kind of review of a point that the shop does not know.
UNMATCHED: Final = "unmatched"


@dataclass(frozen=True, slots=True)
class Review:
    """Something a person should look at: `fuzzy` opt-outs, `unmatched` numbers. Holds no point."""

    merchant_id: str
    connection_id: str
    kind: str
    review_id: str
    channel: str
    point_id: str
    created_at: datetime
    reviewed_at: datetime | None = None
    evidence_id: str = ""
