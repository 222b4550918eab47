"""What the table holds of one point's consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from concord.domain.evidence import ConsentKey
from concord.domain.marks import Marks


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What the table holds of one key. `version` counts evidence; `head` is its last hash."""

    key: ConsentKey
    connection_id: str
    point: str = field(repr=False)
    version: int
    marks: Marks
    head: str
    updated_at: datetime
    invited_at: datetime | None = None
