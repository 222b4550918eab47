"""Groups: counters, members, sorted rows of textable numbers, and what each shopper contributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from concord.adapters.dynamodb import group_keys, keys
from concord.adapters.dynamodb.group_items import (
    contribution_from,
    number_from,
    region_shown,
)
from concord.adapters.dynamodb.group_steps import Place, Step, pack
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.shoppers import shopper_from
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.errors import StorageUnavailableError
from concord.domain.groups import GROUP_SHARDS, GroupCounts, TextableNumber, read_group_key
from concord.domain.regroup import Change, Contribution, NumberRow
from concord.domain.shopper import Shopper

_ATTEMPTS: Final = 5


class DynamoDbGroupAudience:
    """What a broadcast needs to know of groups."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def counts(self, merchant_id: str, connection_id: str) -> Sequence[GroupCounts]:
        """Return every group with its counters, by id: nine Queries, a moment old at most.

        A group that the shop gave no name is called by its id; one that it deleted is left out.
        """
        named = {
            read_group_key(item["sk"]): item
            for item in self._query(group_keys.groups_pk(merchant_id, connection_id))
        }
        sums: dict[str, list[int]] = {group_id: [0, 0, 0] for group_id in named}
        for shard in range(GROUP_SHARDS):
            for item in self._query(group_keys.counters_pk(merchant_id, connection_id, shard)):
                counted = sums.setdefault(read_group_key(item["sk"]), [0, 0, 0])
                for place, name in enumerate(("total", "opted_in", "numbers")):
                    counted[place] += item.get(name, 0)
        return [
            GroupCounts(group_id, named.get(group_id, {}).get("name", group_id), *sums[group_id])
            for group_id in sorted(sums)
            if not named.get(group_id, {}).get("deleted")
        ]

    def textable(
        self, merchant_id: str, connection_id: str, group_id: str, shard: int, after: str = ""
    ) -> Iterator[TextableNumber]:
        """Yield a shard of a group's textable numbers in the order of their ids, after `after`."""
        pk = group_keys.numbers_pk(merchant_id, connection_id, group_id, shard)
        for item in self._table.query(
            "pk = :pk AND sk > :after",
            attributes=("sk", "since", "region"),
            consistent=False,
            pk=pk,
            after=after or " ",
        ):
            since = datetime.fromtimestamp(item["since"] / 1000, UTC)
            yield TextableNumber(item["sk"], since, region_shown(item.get("region", "")))

    def _query(self, pk: str) -> Iterator[Item]:
        return self._table.query("pk = :pk", consistent=False, pk=pk)


class DynamoDbContributions:
    """What each shopper contributes, moved in steps that leave counters and rows agreeing."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(
        self, merchant_id: str, connection_id: str, shopper_key: str
    ) -> tuple[Contribution, Shopper | None]:
        """Return what she contributes and who she is: one Query, strongly."""
        names = (merchant_id, connection_id, shopper_key)
        row = keys.shopper(*names)
        found = {item["sk"]: item for item in self._table.query("pk = :pk", pk=row.pk)}
        shopper = found.get(row.sk)
        return (
            contribution_from(*names, found.get(group_keys.CONTRIBUTION)),
            shopper_from(*names, shopper) if shopper else None,
        )

    def step(
        self, have: Contribution, todo: Iterable[Change], now: datetime
    ) -> Contribution | None:
        """Make as many changes, in order, as one transaction takes; return what she contributes
        then. None: somebody else moved it, so read it again.

        Raises StorageUnavailableError while others keep changing the same numbers.
        """
        wanted = list(todo)
        known: dict[Place, NumberRow | None] = {}
        for _ in range(_ATTEMPTS):
            step = pack(have, wanted, known, int(now.timestamp() * 1000))
            try:
                self._table.transact(step.actions)
            except TransactionRefusedError as refused:
                if not self._learn(have, step, refused, known):
                    return None
                continue
            return step.after
        raise StorageUnavailableError("the numbers of a group kept changing")

    def _learn(
        self,
        have: Contribution,
        step: Step,
        refused: TransactionRefusedError,
        known: dict[Place, NumberRow | None],
    ) -> bool:
        """Read the rows that were not as assumed. False: it is her contribution that moved on,
        perhaps by this very step, whose answer was lost."""
        if refused.answer_lost or refused.at(0):
            return False
        for refusal in refused.refusals:
            place = step.places[refusal.index]
            if place is None:
                return False
            key = group_keys.number(have.merchant_id, have.connection_id, *place)
            item = self._table.get(key)
            known[place] = number_from(item) if item else None
        return True
