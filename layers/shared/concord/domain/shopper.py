"""A shopper as her shop knows her."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Shopper:
    """A shopper as her shop knows her. `shopper_key` is our keyed name, `shopper_id` theirs."""

    merchant_id: str
    connection_id: str
    shopper_key: str
    shopper_id: str = field(repr=False)
    profile: Mapping[str, Any] = field(repr=False)
    phones: Mapping[str, str] = field(repr=False)
    emails: Mapping[str, str] = field(repr=False)
    digest: str = ""
    version: int = 0
    active: bool = True


@dataclass(frozen=True, slots=True)
class Carriers:
    """The shop's own ids of the active shoppers that carry a point. `unmatched` = a review of that
    kind waits: the shop did not know the point when it was told last."""

    shopper_ids: tuple[str, ...] = field(default=(), repr=False)
    unmatched: bool = False
