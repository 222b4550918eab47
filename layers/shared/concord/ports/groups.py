"""What is kept of groups: counters, members, and the sorted rows of textable numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from concord.domain.groups import Group, GroupCounts, TextableNumber
from concord.domain.regroup import Change, Contribution, Verdict
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskSpec


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


class Groups(Protocol):
    """Groups as the shop names them, the lists of members that it gives, and who is awaited.

    Who is a member says each shopper's own item; what stands here is only on its way there.
    """

    def get(self, merchant_id: str, connection_id: str, group_id: str) -> Group | None:
        """Read what the shop said of a group, strongly."""

    def save(self, group: Group, task: TaskSpec | None, now: datetime) -> bool:
        """Replace it on version = group.version - 1, with a task; False = stale."""

    def end(self, group: Group) -> None:
        """Forget a deleted group, unless the shop spoke of it since."""

    def put_list(self, group: Group, shopper_keys: Sequence[str]) -> None:
        """Write the list that `group.list_id` will name."""

    def listed(self, group: Group) -> Sequence[str]:
        """Return the list that `group.list_id` names, in order."""

    def forget_list(self, group: Group, list_id: str) -> None:
        """Delete a list of the group."""

    def members(self, group: Group, after: str = "") -> Iterator[str]:
        """Yield the keys of those who are counted as members, in order, after `after`."""

    def await_member(self, group: Group, shopper_key: str) -> None:
        """Note that the group's list names a shopper whom nobody knows yet."""

    def awaiting(
        self, merchant_id: str, connection_id: str, shopper_key: str
    ) -> Sequence[tuple[str, str]]:
        """Return the groups that wait for a shopper, each with the list that named her."""

    def await_no_more(
        self, merchant_id: str, connection_id: str, shopper_key: str, group_id: str, list_id: str
    ) -> None:
        """Take the note of this list away; that of a later one stays."""


class GroupRepair(Protocol):
    """Rows and counters of groups, held against what they should be, beside any worker."""

    def members(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[str]:
        """Yield the shopper keys that have a row among the members, in order, after `after`."""

    def numbers(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[str]:
        """Yield the point ids that have a row, in order, after `after`."""

    def missing(
        self, merchant_id: str, connection_id: str, group_id: str, shopper_key: str
    ) -> Sequence[str]:
        """Return the point ids that a shopper contributes to a group and that have no row there."""

    def member(
        self, merchant_id: str, connection_id: str, group_id: str, shopper_key: str
    ) -> Verdict:
        """Hold a shopper's row among the members against her contribution."""

    def number(
        self, merchant_id: str, connection_id: str, group_id: str, point_id: str, now: datetime
    ) -> tuple[Verdict, Sequence[str]]:
        """Hold a number's row against the contributions of all who carry the number; also return
        the keys of those who contribute it."""

    def recount(self, merchant_id: str, connection_id: str, group_id: str, shard: int) -> Verdict:
        """Hold a counter against the rows of its shard."""
