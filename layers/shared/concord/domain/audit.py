"""Who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what on a connection or merchant, when, and from what to what. No secrets."""

    merchant_id: str
    connection_id: str
    at: datetime
    actor: str
    action: str
    details: Mapping[str, Any] = field(default_factory=dict)
