"""The contracts of GroupAudience and Contributions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concord.adapters.dynamodb import group_keys
from concord.adapters.dynamodb.groups import DynamoDbContributions, DynamoDbGroupAudience
from concord.adapters.dynamodb.marshal import from_item
from concord.adapters.dynamodb.shoppers import DynamoDbShoppers
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.groups import GroupCounts, TextableNumber
from concord.domain.regroup import Contribution, Shares, changes
from tests.support.builders import CONNECTION, MERCHANT, NOW, shopper
from tests.support.contracts.consent import refaulted
from tests.support.counting import counted
from tests.support.group_rows import assert_agrees

ANA, BEA, CAT = ("0a" * 16, "7b" * 16, "fc" * 16)
LATER = NOW + timedelta(seconds=5)


def point(number: int) -> str:
    """Return a point id; 0..15 spread them over all shards."""
    return f"v1.{number % 16:x}{number:063x}"


def mine(*numbers: int, region: str = "") -> dict[str, str]:
    return {point(number): region for number in numbers}


def stored(table: Table) -> list[dict[str, Any]]:
    """Return the whole table."""
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    return [from_item(item) for page in pages for item in page["Items"]]


def moved(
    contributions: DynamoDbContributions, key: str, want: Shares, *, now: Any = NOW
) -> list[Contribution]:
    """Move a shopper to what she should contribute; return each step."""
    have, _ = contributions.load(MERCHANT, CONNECTION, key)
    steps = []
    while have.shares != want:
        step = contributions.step(have, changes(have.shares, want), now)
        assert step is not None
        steps.append(have := step)
    return steps


def numbers(table: Table, group_id: str, after: str = "") -> list[TextableNumber]:
    audience = DynamoDbGroupAudience(table)
    shards = (audience.textable(MERCHANT, CONNECTION, group_id, n, after) for n in range(8))
    return list(itertools.chain.from_iterable(shards))


class ContributionsContract:
    """What every Contributions and GroupAudience does."""

    def contributions(self, table: Table) -> DynamoDbContributions:
        return DynamoDbContributions(table)

    def counts(self, table: Table) -> list[GroupCounts]:
        return list(DynamoDbGroupAudience(table).counts(MERCHANT, CONNECTION))

    def test_a_shopper_without_a_number_is_a_member(self, table: Table) -> None:
        """TEA-07: `total_shoppers` counts her, and nothing else does."""
        moved(self.contributions(table), ANA, {"g1": {}})
        moved(self.contributions(table), BEA, {"g1": mine(1)})
        assert self.counts(table) == [GroupCounts("g1", "g1", 2, 1, 1)]
        assert_agrees(stored(table))

    def test_a_number_of_two_shoppers_is_counted_once(self, table: Table) -> None:
        """TEA-08: it stays as long as one of them contributes it, and so does its moment."""
        contributions = self.contributions(table)
        moved(contributions, ANA, {"g1": mine(1, 2)})
        moved(contributions, BEA, {"g1": mine(1)}, now=LATER)
        assert self.counts(table) == [GroupCounts("g1", "g1", 2, 2, 2)]
        moved(contributions, ANA, {"g1": {}}, now=LATER)
        assert self.counts(table) == [GroupCounts("g1", "g1", 2, 1, 1)]
        [left] = numbers(table, "g1")
        assert left.since == NOW.replace(microsecond=NOW.microsecond // 1000 * 1000)
        moved(contributions, BEA, {}, now=LATER)
        assert numbers(table, "g1") == []
        assert self.counts(table) == [GroupCounts("g1", "g1", 1, 0, 0)]
        assert_agrees(stored(table))

    def test_a_number_that_comes_again_is_new(self, table: Table) -> None:
        """TEA-10: who joined later than a broadcast began is not in it."""
        contributions = self.contributions(table)
        moved(contributions, ANA, {"g1": mine(1)})
        moved(contributions, ANA, {"g1": {}})
        moved(contributions, ANA, {"g1": mine(1)}, now=LATER)
        [again] = numbers(table, "g1")
        assert again.since > NOW

    def test_a_number_that_changes_groups_is_no_newer(self, table: Table) -> None:
        """TEA-10: whoever moves between two groups while a broadcast to both is planned is in it,
        however many steps the move takes and wherever a worker dies between two of them."""
        contributions = self.contributions(table)
        many = mine(*range(12))
        moved(contributions, ANA, {"g1": many})
        steps = moved(contributions, ANA, {"g2": many}, now=LATER)
        assert len(steps) > 2
        assert contributions.load(MERCHANT, CONNECTION, ANA)[0] == steps[-1]
        rows = numbers(table, "g2")
        assert len(rows) == 12
        assert all(row.since <= NOW for row in rows)
        # One group more is no move: who joins it later joined it later.
        moved(contributions, ANA, {"g2": many, "g3": mine(1)}, now=LATER)
        assert [row.since > NOW for row in numbers(table, "g3")] == [True]
        moved(contributions, ANA, {"g2": many, "g4": mine(1)}, now=LATER)
        assert [row.since > NOW for row in numbers(table, "g4")] == [False]
        moved(contributions, ANA, {"g2": {}}, now=LATER)
        [left] = moved(contributions, ANA, {"g1": mine(1), "g2": {}}, now=LATER)
        assert list(left.since) == [point(1)]
        assert all(row.since > NOW for row in numbers(table, "g1"))
        assert_agrees(stored(table))

    def test_numbers_come_in_the_order_of_their_ids(self, table: Table) -> None:
        """Reliability 33: shard after shard, and after any of them."""
        many = [n * 5 % 41 for n in range(40)]
        moved(self.contributions(table), ANA, {"g1": mine(*many), "g2": mine(1)})
        found = [row.point_id for row in numbers(table, "g1")]
        assert found == sorted(map(point, many))
        audience = DynamoDbGroupAudience(table)
        first, *rest = audience.textable(MERCHANT, CONNECTION, "g1", 0)
        assert list(audience.textable(MERCHANT, CONNECTION, "g1", 0, first.point_id)) == rest

    def test_those_who_share_a_number_may_live_in_several_regions(self, table: Table) -> None:
        """R-01: each of them counts, as long as somebody there has the number."""
        contributions = self.contributions(table)
        regions = {ANA: "US-FL", BEA: "US-CA", CAT: "US-FL"}
        for key, region in regions.items():
            moved(contributions, key, {"g1": mine(1, region=region)})
        assert [row.region for row in numbers(table, "g1")] == ["US-CA+US-FL"]
        moved(contributions, BEA, {"g1": mine(1)})
        moved(contributions, ANA, {"g1": mine(1, region="US-GA")}, now=LATER)
        assert [row.region for row in numbers(table, "g1")] == ["US-FL+US-GA"]
        moved(contributions, CAT, {})
        moved(contributions, ANA, {})
        [row] = numbers(table, "g1")
        assert row.region == ""
        assert row.since < LATER  # she moved, and was there before
        assert_agrees(stored(table))

    def test_any_name_of_a_group_can_be_a_key(self, table: Table) -> None:
        odd = ["a#b", "Bio & Öl 100 %", "+15550100001", "a/b"]
        moved(self.contributions(table), ANA, {name: mine(1) for name in odd})
        assert [group.group_id for group in self.counts(table)] == sorted(odd)
        assert [len(numbers(table, name)) for name in odd] == [1] * 4
        assert_agrees(stored(table))

    def test_however_many_groups_and_numbers_each_step_leaves_all_agreeing(
        self, table: Table
    ) -> None:
        """TEA-07, TEA-08: six groups of 20 numbers are many transactions of at most ten items."""
        contributions = self.contributions(table)
        want = {f"g{n}": mine(*range(20)) for n in range(6)}
        have, _ = contributions.load(MERCHANT, CONNECTION, ANA)
        steps = 0
        while have.shares != want:
            step = contributions.step(have, changes(have.shares, want), NOW)
            assert step is not None
            have, steps = step, steps + 1
            if steps % 10 == 0:
                assert_agrees(stored(table), {ANA: {g: dict(p) for g, p in have.shares.items()}})
        assert steps > 15
        assert contributions.load(MERCHANT, CONNECTION, ANA)[0] == have
        assert_agrees(stored(table))

    def test_of_two_that_step_from_the_same_place_one_does(self, table: Table) -> None:
        """Reliability 12: the version of a contribution guards every step."""
        contributions = self.contributions(table)
        have, _ = contributions.load(MERCHANT, CONNECTION, ANA)
        todo = list(changes({}, {"g1": mine(1)}))
        assert contributions.step(have, todo, NOW) is not None
        assert contributions.step(have, todo, NOW) is None
        assert_agrees(stored(table), {ANA: {"g1": mine(1)}})

    def test_a_step_whose_answer_was_lost_counts_once(self, table: Table) -> None:
        """Reliability 13: told or not, what is stored is read again."""

        def plan(operation: str, number: int) -> str | None:
            return "lost" if operation == "transact_write_items" and number == 1 else None

        faulty, _ = refaulted(table, plan)
        contributions = self.contributions(faulty)
        have = Contribution(MERCHANT, CONNECTION, ANA)
        contributions.step(have, changes({}, {"g1": mine(1)}), NOW)
        assert_agrees(stored(table), {ANA: {"g1": mine(1)}})

    def test_the_common_change_reads_nothing(self, table: Table) -> None:
        """Promise 5: one transaction for an opt-in, one for an opt-out, and not a read."""
        contributions = self.contributions(table)
        [have] = moved(contributions, ANA, {"g1": {}})
        for points in (mine(1), mine()):
            want = {"g1": points}
            with counted(table.client) as requests:
                step = contributions.step(have, changes(have.shares, want), NOW)
            assert requests == {"TransactWriteItems": 1}
            assert step is not None
            have = step

    def test_listing_reads_no_members(self, table: Table) -> None:
        """TEA-06: nine Queries, whatever the number of shoppers."""
        for key in (ANA, BEA, CAT):
            moved(self.contributions(table), key, {f"g{n}": mine(n) for n in range(3)})
        with counted(table.client) as requests:
            assert len(self.counts(table)) == 3
        assert requests == {"Query": 9}

    def test_a_shopper_is_read_with_her_contribution(self, table: Table) -> None:
        shoppers = DynamoDbShoppers(table, DynamoDbTasks(table))
        ana = shopper(shopper_key=ANA)
        assert shoppers.save(ana, None, [])
        [last] = moved(self.contributions(table), ANA, {"g1": mine(1)})
        with counted(table.client) as requests:
            assert self.contributions(table).load(MERCHANT, CONNECTION, ANA) == (last, ana)
        assert requests == {"Query": 1}
        assert shoppers.get(MERCHANT, CONNECTION, ANA) == ana

    def test_a_row_that_is_missing_stops_nobody(self, table: Table) -> None:
        """A repair may have taken it: what is gone is not counted down once more."""
        contributions = self.contributions(table)
        moved(contributions, ANA, {"g1": mine(1)})
        table.delete(group_keys.number(MERCHANT, CONNECTION, "g1", point(1)))
        moved(contributions, ANA, {"g1": {}})
        [group] = self.counts(table)
        assert group.opted_in_shoppers == 0
        assert group.textable_numbers == 1  # as wrong as it was: the repair counts anew

    def test_numbers_that_never_stop_changing_are_put_off(self, table: Table) -> None:
        contributions = self.contributions(table)
        moved(contributions, BEA, {"g1": mine(1)})

        def plan(operation: str, _: int) -> None:
            if operation == "transact_write_items":
                key = group_keys.number(MERCHANT, CONNECTION, "g1", point(1))
                table.update(key, "ADD #refs :one", one=1)

        faulty, _ = refaulted(table, plan)
        have = Contribution(MERCHANT, CONNECTION, ANA)
        with pytest.raises(Exception, match="kept changing"):
            self.contributions(faulty).step(have, changes({}, {"g1": mine(1)}), NOW)


_SHARES = st.dictionaries(
    st.sampled_from(["g1", "g2", "g3"]),
    st.dictionaries(st.integers(0, 4).map(point), st.sampled_from(["", "US-FL", "US-CA"])),
)


class ContributionsProperty:
    """Any way of any shoppers to any contribution, step by step."""

    @settings(
        max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
    )
    @given(
        moves=st.lists(
            st.tuples(st.sampled_from([ANA, BEA, CAT]), _SHARES, st.integers(1, 4)), max_size=5
        )
    )
    def test_all_figures_agree_after_every_step(
        self, table: Table, moves: Iterable[tuple[str, Mapping[str, Any], int]]
    ) -> None:
        """TEA-07, TEA-08: also where a way is left before its end."""
        connection = f"{MERCHANT}.{next(_fresh):06x}"
        contributions = DynamoDbContributions(table)
        for key, want, most in moves:
            have, _ = contributions.load(MERCHANT, connection, key)
            for _ in range(most):
                if have.shares == want:
                    break
                step = contributions.step(have, changes(have.shares, want), NOW)
                assert step is not None
                have = step
                here = [item for item in stored(table) if f"#{connection}#" in item["pk"]]
                assert_agrees(here)


_fresh = itertools.count(1)
