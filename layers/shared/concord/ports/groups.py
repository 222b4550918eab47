"""What is kept of groups: counters, members, and the sorted rows of textable numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from concord.domain.groups import GroupCounts, TextableNumber


class GroupAudience(Protocol):
    """What a broadcast needs to know of groups."""

    def counts(self, merchant_id: str, connection_id: str) -> Sequence[GroupCounts]:
        """Return every group with its counters; reads no members."""

    def textable(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[TextableNumber]:
        """Yield a shard of a group's textable numbers in the order of their ids, after `after`."""


class GroupMembers(Protocol):
    """What a full read of a shop's shoppers needs to know of groups, and says of them."""

    def put_name(self, merchant_id: str, connection_id: str, group_id: str, name: str) -> None:
        """Name a group as the shop does, known before or not; its counters stay. The name it has
        already causes no write."""

    def members(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[str]:
        """Yield the keys of a shard's members in their order, after `after`."""
