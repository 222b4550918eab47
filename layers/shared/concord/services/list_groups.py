"""Groups as a marketer picks them (TEA-06), and how many numbers a choice of them has (TEA-08)."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import merge
from itertools import chain, groupby
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.groups import GROUP_SHARDS, GroupCounts
from concord.domain.page import Page, page
from concord.ports import Connections, GroupAudience
from concord.services.change_connection import find_connection

# Rows that a recap reads while somebody waits: a few seconds. The preview of a broadcast has no
# such bound, since it is a job.
_MOST_ROWS: Final = 200_000


class ListGroups:
    """Reads counters and sorted rows, never members."""

    def __init__(self, connections: Connections, audience: GroupAudience) -> None:
        self._connections = connections
        self._audience = audience

    def __call__(
        self, connection_id: str, limit: int, cursor: str | None, *, everything: bool = False
    ) -> Page[GroupCounts]:
        """Return a page of groups by id: those that a broadcast can reach, or all of them."""
        connection = find_connection(self._connections, connection_id)
        groups = self._audience.counts(connection.merchant_id, connection_id)
        shown = (group for group in groups if everything or group.opted_in_shoppers > 0)
        return page(shown, limit, cursor, lambda group: group.group_id)

    def recap(self, connection_id: str, group_ids: Sequence[str]) -> int:
        """Return how many distinct numbers the groups have together, counted now.

        Raises InvalidInputError for a group that is not there, and `recap_too_large` where that
        would outlast the call.
        """
        connection = find_connection(self._connections, connection_id)
        chosen = tuple(dict.fromkeys(group_ids))
        counts = {
            group.group_id: group.textable_numbers
            for group in self._audience.counts(connection.merchant_id, connection_id)
        }
        unknown = [number for number, name in enumerate(group_ids) if name not in counts]
        if unknown:
            wrong = (FieldError(f"group_ids.{n}", "name a group that is listed") for n in unknown)
            raise InvalidInputError("no such group", errors=tuple(wrong))
        if len(chosen) == 1:
            return counts[chosen[0]]
        if sum(counts[name] for name in chosen) > _MOST_ROWS:
            raise InvalidInputError(
                "too many numbers to count at once; the preview of a broadcast counts them",
                code="recap_too_large",
            )
        return self._distinct(connection.merchant_id, connection_id, chosen)

    def _distinct(self, merchant_id: str, connection_id: str, chosen: Sequence[str]) -> int:
        """Merge the groups' rows, shard by shard: they are sorted, so that equal ids meet."""
        sorted_ids = chain.from_iterable(
            merge(
                *(
                    (row.point_id for row in self._audience.textable(*where, shard))
                    for where in ((merchant_id, connection_id, name) for name in chosen)
                )
            )
            for shard in range(GROUP_SHARDS)
        )
        return sum(1 for _ in groupby(sorted_ids))
