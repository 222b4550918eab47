"""Counters and rows that went wrong are found and put right, and no work beside it is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from concord.adapters.dynamodb import group_keys
from concord.adapters.dynamodb.group_repair import DynamoDbGroupRepair
from concord.adapters.dynamodb.groups import DynamoDbContributions
from concord.adapters.dynamodb.table import Table
from concord.domain.groups import shard_of_point, shard_of_shopper
from concord.domain.regroup import Verdict
from concord.domain.tasks import RowKey
from concord.services import repair_groups
from tests.support.builders import CONNECTION, MERCHANT, NOW
from tests.support.contracts.consent import refaulted
from tests.support.contracts.groups import ANA, BEA, mine, moved, point, stored
from tests.support.group_rows import assert_agrees
from tests.walk.test_groups import listed, save, text
from tests.world.faults import settle
from tests.world.shop import Shop, new_number
from tests.world.world import World

type Damage = Callable[[Table, list[dict[str, Any]]], None]


def _rows(rows: list[dict[str, Any]], kind: str) -> list[RowKey]:
    return [RowKey(row["pk"], row["sk"]) for row in rows if row["pk"].startswith(f"{kind}#")]


def _counters_off(table: Table, rows: list[dict[str, Any]]) -> None:
    for key in _rows(rows, "GC"):
        table.update(key, "SET #total = :n, #opted_in = :n, #numbers = :n", n=77)


def _counters_gone(table: Table, rows: list[dict[str, Any]]) -> None:
    """Leave one of each group: it is what the group is found by."""
    found = {key.sk: key for key in _rows(rows, "GC")}
    for key in _rows(rows, "GC"):
        if key != found[key.sk]:
            table.delete(key)


def _numbers_gone(table: Table, rows: list[dict[str, Any]]) -> None:
    for key in _rows(rows, "GN"):
        table.delete(key)


def _numbers_off(table: Table, rows: list[dict[str, Any]]) -> None:
    for key in _rows(rows, "GN"):
        table.update(key, "SET #refs = :n, #region = :region", n=9, region="US-NY*4")


def _numbers_of_nobody(table: Table, rows: list[dict[str, Any]]) -> None:
    for digit in "07f":
        point_id = f"v1.{digit}{'0' * 63}"
        _, merchant_id, connection_id, *_ = rows[0]["pk"].split("#")
        key = group_keys.number(merchant_id, connection_id, "vip", point_id)
        table.put(key, {"refs": 1, "since": 1})


def _members_off(table: Table, rows: list[dict[str, Any]]) -> None:
    for key in _rows(rows, "GM"):
        table.update(key, "SET #opted_in = :off", off=False)


def _members_gone(table: Table, rows: list[dict[str, Any]]) -> None:
    opted_in = [row for row in rows if row["pk"].startswith("GM#") and row["opted_in"]]
    for key in _rows(opted_in, "GM"):
        table.delete(key)


def _members_of_nobody(table: Table, rows: list[dict[str, Any]]) -> None:
    for digit in "07f":
        _, merchant_id, connection_id, *_ = rows[0]["pk"].split("#")
        key = group_keys.member(merchant_id, connection_id, "vip", digit * 32)
        table.put(key, {"opted_in": True})


@pytest.fixture
def grouped(shop: Shop) -> Shop:
    """Return a shop with groups, numbers of one and of two, and members without any."""
    one, two, shared = (new_number() for _ in range(3))
    address = {"attributes": {"region": "US-FL"}}
    save(shop, "s-1", one, shared, groups=["vip", "news"], **address)
    save(shop, "s-2", two, shared, groups=["vip"])
    save(shop, "s-3", groups=["vip"])
    for number in (one, two, shared):
        text(shop, number, "JOIN")
    assert listed(shop) == {"news": (1, 1, 2), "vip": (3, 2, 3)}
    return shop


def repaired(shop: Shop) -> dict[str, Any]:
    """Let an operator repair the groups; return the job when it is over."""
    started = shop.admin("POST", "/groups/repair")
    assert started["statusCode"] == 202, started
    settle(shop.world)
    job_id = shop.world.body(started)["job_id"]
    return shop.world.body(shop.world.admin("GET", f"/v1/jobs/{job_id}"))


@pytest.mark.parametrize(
    "damage",
    [
        _counters_off,
        _counters_gone,
        _numbers_gone,
        _numbers_off,
        _numbers_of_nobody,
        _members_off,
        _members_gone,
        _members_of_nobody,
    ],
)
def test_what_went_wrong_is_put_right(grouped: Shop, damage: Damage) -> None:
    """TEA-06, TEA-07, TEA-08: and told; a second repair finds all of it right."""
    house = grouped.world
    rows = [row for row in house.rows("G") if "changes" in row or row["pk"][1] in "NM"]
    damage(house.parts.table, rows)
    with pytest.raises(AssertionError):
        assert_agrees(house.rows())
    job = repaired(grouped)
    assert (job["state"], job["skipped"].get("busy", 0)) == ("done", 0)
    assert job["updated"] > 0
    assert_agrees(house.rows())
    assert listed(grouped) == {"news": (1, 1, 2), "vip": (3, 2, 3)}
    again = repaired(grouped)
    assert (again["updated"], again["skipped"]["right"]) == (0, again["done"])


def test_a_sweep_finds_what_went_wrong_part_by_part(house: World) -> None:
    """TEA-06, TEA-07: after each daily read a part of the groups, all of them in 28 reads."""
    shop = house.shop(sync_hours=24)
    settle(house)
    groups = ["vip", "news", "wine"]
    assert len({repair_groups.part_of(group) for group in groups}) == len(groups)
    house.sandbox.seed(
        "catapult",
        shop.catapult_account,
        groups=[{"id": group, "name": group} for group in groups],
        shoppers=[{"id": f"s-{g}", "phones": [new_number()], "groups": [g]} for g in groups],
    )
    shop.admin("POST", "/group-syncs")
    settle(house)
    counters = _rows([row for row in house.rows("GC") if row.get("total")], "GC")
    assert {key.sk for key in counters} == set(groups)
    for key in counters:
        house.parts.table.update(key, "SET #total = :n", n=9)
    found = []
    for _ in range(repair_groups.SWEEP_PARTS + 1):
        house.clock.advance(timedelta(hours=26))
        house.sweep()
        settle(house)
        found.append(sum(row.get("total") == 9 for row in house.rows("GC")))
    assert_agrees(house.rows())
    assert sorted(set(found)) == [0, 1, 2, 3]


def test_a_repair_goes_on_where_its_slice_ended(grouped: Shop) -> None:
    """R-26: one look a slice, and none twice or left out; also of a worker that died."""
    _counters_off(grouped.world.parts.table, grouped.world.rows("GC#"))
    whole = repaired(grouped)["done"]
    _counters_off(grouped.world.parts.table, grouped.world.rows("GC#"))
    started = grouped.world.body(grouped.admin("POST", "/groups/repair"))
    (row,) = (r for r in grouped.world.rows("TB#") if "repair#" in r["task_id"])
    with patch.object(repair_groups, "_WORKS_FOR", timedelta(0)):
        for _ in range(whole - 1):
            grouped.world.run_task({"pk": row["pk"], "sk": row["sk"]})
            grouped.world.clock.advance(timedelta(seconds=2))
    settle(grouped.world)
    job = grouped.world.body(grouped.world.admin("GET", f"/v1/jobs/{started['job_id']}"))
    assert (job["state"], job["done"]) == ("done", whole)
    assert_agrees(grouped.world.rows())


def test_a_connection_that_is_over_is_not_repaired(grouped: Shop) -> None:
    """TEA-01."""
    assert grouped.admin("POST", "/state", {"state": "disconnected"})["statusCode"] == 200
    assert grouped.admin("POST", "/groups/repair")["statusCode"] == 409


# --- beside workers --------------------------------------------------------------------------


def _once(work: Callable[[], None], operation: str) -> Callable[[str, int], None]:
    """Return a plan that lets somebody else work right before the first such request."""
    done: list[bool] = []

    def plan(name: str, _: int) -> None:
        if name == operation and not done:
            done.append(True)
            work()

    return plan


def test_a_worker_beside_a_recount_is_not_lost(table: Table) -> None:
    """TEA-07: a member more and a number less while it counts: the sum of both looks the same."""
    live = DynamoDbContributions(table)
    moved(live, ANA, {"g1": mine(1)})
    shard = shard_of_point(point(1))
    table.update(group_keys.counters(MERCHANT, CONNECTION, "g1", shard), "ADD #numbers :n", n=5)

    def work() -> None:
        moved(live, ANA, {"g1": {}})
        moved(live, ANA, {"g1": mine(17)})  # in the same shard
        moved(live, BEA, {"g1": mine(33)})

    beside, _ = refaulted(table, _once(work, "update_item"))
    repair = DynamoDbGroupRepair(beside)
    assert repair.recount(MERCHANT, CONNECTION, "g1", shard) is Verdict.MENDED
    assert_agrees(stored(table))


def test_a_worker_beside_a_mended_number_is_not_lost(table: Table) -> None:
    """TEA-08: she leaves while her lost row is put back."""
    live = DynamoDbContributions(table)
    moved(live, ANA, {"g1": mine(1)})
    _carries(table, ANA, point(1))
    table.delete(group_keys.number(MERCHANT, CONNECTION, "g1", point(1)))
    shard = shard_of_point(point(1))
    table.update(group_keys.counters(MERCHANT, CONNECTION, "g1", shard), "ADD #numbers :n", n=-1)
    beside, _ = refaulted(table, _once(lambda: _leaves(live), "transact_write_items"))
    repair = DynamoDbGroupRepair(beside)
    verdict, shoppers = repair.number(MERCHANT, CONNECTION, "g1", point(1), NOW)
    assert (verdict, shoppers) == (Verdict.RIGHT, [])
    assert_agrees(stored(table))


def test_a_worker_beside_a_mended_member_is_not_lost(table: Table) -> None:
    """TEA-07."""
    live = DynamoDbContributions(table)
    moved(live, ANA, {"g1": mine(1)})
    table.delete(group_keys.member(MERCHANT, CONNECTION, "g1", ANA))
    beside, _ = refaulted(table, _once(lambda: _leaves(live), "transact_write_items"))
    verdict = DynamoDbGroupRepair(beside).member(MERCHANT, CONNECTION, "g1", ANA)
    assert verdict is Verdict.RIGHT
    assert_agrees(stored(table))


def test_who_gave_a_number_up_counts_until_her_groups_were_looked_at(table: Table) -> None:
    """TEA-08: her link outlives her save, or a shared number would be counted one too low."""
    live = DynamoDbContributions(table)
    for key in (ANA, BEA):
        moved(live, key, {"g1": mine(1)})
        _carries(table, key, point(1))
    repair = DynamoDbGroupRepair(table)
    assert repair.number(MERCHANT, CONNECTION, "g1", point(1), NOW)[0] is Verdict.RIGHT
    moved(live, BEA, {})
    assert repair.number(MERCHANT, CONNECTION, "g1", point(1), NOW) == (Verdict.RIGHT, [ANA])
    assert_agrees(stored(table))


def test_what_never_holds_still_is_told(table: Table) -> None:
    """Reliability 33: a repair waits for nobody, and nobody for it."""
    live = DynamoDbContributions(table)
    moved(live, ANA, {"g1": mine(1)})
    shard = shard_of_shopper(ANA)
    key = group_keys.counters(MERCHANT, CONNECTION, "g1", shard)
    table.update(key, "ADD #total :n", n=5)

    def plan(operation: str, _: int) -> None:
        if operation == "update_item":
            table.update(key, "ADD #changes :n", n=1)

    beside, _ = refaulted(table, plan)
    verdict = DynamoDbGroupRepair(beside).recount(MERCHANT, CONNECTION, "g1", shard)
    assert verdict is Verdict.BUSY


def _leaves(live: DynamoDbContributions) -> None:
    moved(live, ANA, {})


def _carries(table: Table, key: str, point_id: str) -> None:
    table.put(RowKey(f"P#{MERCHANT}#{CONNECTION}#{point_id}", f"SHOPPER#{key}"), {"version": 1})
