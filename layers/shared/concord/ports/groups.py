"""What is kept of groups: counters, members, and the sorted rows of textable numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from concord.domain.groups import GroupCounts, TextableNumber
from concord.domain.regroup import Change, Contribution
from concord.domain.shopper import Shopper


class GroupAudience(Protocol):
    """What a broadcast needs to know of groups."""

    def counts(self, merchant_id: str, connection_id: str) -> Sequence[GroupCounts]:
        """Return every group with its counters, by id; reads no members. A moment old at most."""

    def textable(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[TextableNumber]:
        """Yield a shard of a group's textable numbers in the order of their ids, after `after`."""


class Contributions(Protocol):
    """What each shopper contributes to the counters and rows of her groups."""

    def load(
        self, merchant_id: str, connection_id: str, shopper_key: str
    ) -> tuple[Contribution, Shopper | None]:
        """Return what she contributes and who she is. One request, strongly."""

    def step(
        self, have: Contribution, todo: Iterable[Change], now: datetime
    ) -> Contribution | None:
        """Make as many changes, in order, as one transaction takes; return what she contributes
        then. None: somebody else moved it, so read it again. Raises StorageUnavailableError."""
