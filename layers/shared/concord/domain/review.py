"""What a person should look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReviewKind(StrEnum):
    """Why somebody should look: a text reads like an opt-out, or no shopper carries the number."""

    FUZZY = "fuzzy"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Review:
    """Something a person should look at. Holds no point."""

    merchant_id: str
    connection_id: str
    kind: ReviewKind
    review_id: str
    channel: str
    point_id: str
    created_at: datetime
    reviewed_at: datetime | None = None
    evidence_id: str = ""
