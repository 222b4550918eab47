"""A merchant: the retailer whose shoppers these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who a connection belongs to. `country` reads national numbers; `time_zone` is IANA."""

    merchant_id: str
    name: str
    time_zone: str
    country: str
    allow_multi_link: bool = False
    quiet_hours: Mapping[str, Any] = field(default_factory=dict)
    frequency_cap: Mapping[str, Any] = field(default_factory=dict)
