"""Groups as a shop names and lists them through the Connect API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from concord.adapters.dynamodb import group_lists
from concord.services import regroup_members
from tests.support.group_rows import assert_agrees
from tests.walk.test_groups import listed, save, text
from tests.world.faults import Wire, away, open_tasks, settle
from tests.world.shop import Shop, new_number


@pytest.fixture(autouse=True)
def _figures_agree(shop: Shop) -> Any:
    yield
    settle(shop.world)
    assert_agrees(shop.world.rows())


def put(shop: Shop, group: str, ids: list[str] | None = None, name: str = "VIPs") -> int:
    """Let the shop name a group, and everything that follows happen, its second look too."""
    body = {"name": name} | ({} if ids is None else {"shopper_ids": ids})
    answer = shop.connect("PUT", f"/groups/{quote(group, safe='')}", body)
    settle(shop.world)
    return int(answer["statusCode"])


def delete(shop: Shop, group: str) -> None:
    answer = shop.connect("DELETE", f"/groups/{group}")
    assert (answer["statusCode"], shop.world.body(answer)["deleted"]) == (202, True)
    settle(shop.world)


def members(shop: Shop, group: str = "vip") -> int:
    return listed(shop, "?all=true").get(group, (0, 0, 0))[0]


def test_a_group_has_the_name_that_its_shop_gave_it(shop: Shop) -> None:
    """TEA-06: new 201, renamed 200; without a name it is called by its id."""
    save(shop, "s-1", groups=["vip", "news"])
    assert [put(shop, "vip", name=name) for name in ("VIPs", "VIPs", "Regulars")] == [201, 200, 200]
    items = shop.world.body(shop.admin("GET", "/groups?all=true"))["items"]
    assert {item["group_id"]: item["name"] for item in items} == {"news": "news", "vip": "Regulars"}
    assert members(shop) == 1


def test_a_list_makes_members_and_unmakes_them(shop: Shop) -> None:
    """TEA-07, TEA-10: who is named joins, who is not leaves; the rest of her groups stays."""
    number = new_number()
    save(shop, "s-1", number, groups=["news"])
    save(shop, "s-2")
    save(shop, "s-3", groups=["vip", "wine"])
    text(shop, number, "JOIN")
    assert put(shop, "vip", ["s-1", "s-2", "s-1"]) == 202
    assert listed(shop, "?all=true") == {"news": (1, 1, 1), "vip": (2, 1, 1), "wine": (1, 0, 0)}
    assert put(shop, "vip", ["s-3"]) == 202
    assert listed(shop, "?all=true") == {"news": (1, 1, 1), "vip": (1, 0, 0), "wine": (1, 0, 0)}
    assert put(shop, "vip", []) == 202
    assert members(shop) == 0
    assert shop.world.rows("GL#") == []


def test_unknown_shoppers_become_members_once_the_shop_sends_them(shop: Shop) -> None:
    """TEA-07: with or without a number."""
    number = new_number()
    text(shop, number, "JOIN")
    put(shop, "vip", ["s-1", "s-2", "s-9"])
    assert members(shop) == 0
    save(shop, "s-1", number)
    save(shop, "s-2", groups=["news"])
    assert listed(shop, "?all=true") == {"news": (1, 0, 0), "vip": (2, 1, 1)}
    put(shop, "vip", ["s-1"])
    save(shop, "s-9")
    assert members(shop) == 1


def test_what_was_said_last_holds(shop: Shop) -> None:
    """TEA-10: a shopper's own groups after a list, a list after them; a name says nothing of it."""
    house = shop.world
    save(shop, "s-1", groups=["vip"])
    save(shop, "s-2", groups=[])
    house.clock.advance(timedelta(seconds=5))
    put(shop, "vip", ["s-2"])
    house.clock.advance(timedelta(seconds=5))
    save(shop, "s-1", groups=["vip"])  # the very body of before
    save(shop, "s-2", groups=[])
    assert members(shop) == 1
    save(shop, "s-1", first_name="Ana")
    put(shop, "vip", name="Regulars")
    assert members(shop) == 1
    house.clock.advance(timedelta(seconds=5))
    put(shop, "vip", ["s-2"])
    save(shop, "s-1", first_name="Anna")
    assert members(shop) == 1
    [row] = house.rows("GM#")
    assert "s-2" in {r.get("shopper_id") for r in house.rows("S#") if r["pk"].endswith(row["sk"])}


def test_who_was_saved_right_before_a_list_leaves_by_it(shop: Shop) -> None:
    """TEA-10: she is no counted member yet when the list is worked off first."""
    shop.connect("PUT", "/shoppers/s-1", {"groups": ["vip"]})
    late = [row for row in open_tasks(shop.world) if "shopper#" in row["task_id"]]
    shop.world.clock.advance(timedelta(seconds=1))
    shop.connect("PUT", "/groups/vip", {"name": "VIPs", "shopper_ids": []})
    (row,) = (r for r in open_tasks(shop.world) if "group#" in r["task_id"])
    for _ in range(2):
        shop.world.run_task({"pk": row["pk"], "sk": row["sk"]})
    for each in late:
        shop.world.run_task({"pk": each["pk"], "sk": each["sk"]})
    assert members(shop) == 1
    settle(shop.world)
    assert members(shop) == 0


def test_a_deleted_group_is_gone_at_once_and_for_its_members_soon(shop: Shop) -> None:
    """TEA-06: and may come again."""
    number = new_number()
    save(shop, "s-1", number, groups=["vip", "news"])
    text(shop, number, "JOIN")
    put(shop, "vip")
    shop.connect("DELETE", "/groups/vip")
    assert listed(shop) == {"news": (1, 1, 1)}
    settle(shop.world)
    assert listed(shop, "?all=true") == {"news": (1, 1, 1)}
    assert [row for row in shop.world.rows("G") if "vip" in row["pk"] + row["sk"]] == []
    delete(shop, "vip")
    save(shop, "s-1", number, groups=["vip"])
    assert listed(shop) == {"vip": (1, 1, 1)}


def test_a_long_list_is_worked_off_in_slices(shop: Shop) -> None:
    """TEA-07: stored in parts, and each slice goes on where the last one stopped."""
    for n in range(4):
        save(shop, f"s-{n}", groups=["vip"] if n == 3 else [])
    with (
        patch.object(group_lists, "_PER_PART", 2),
        patch.object(regroup_members, "_WORKS_FOR", timedelta(0)),
    ):
        shop.connect("PUT", "/groups/vip", {"name": "VIPs", "shopper_ids": ["s-0", "s-1", "s-2"]})
        assert len(shop.world.rows("GL#")) == 2
        shop.world.relay()
        assert members(shop) == 1
    with patch.object(regroup_members, "_WORKS_FOR", _two_at_a_time(shop)):
        settle(shop.world)
    assert members(shop) == 3


def _two_at_a_time(shop: Shop) -> timedelta:
    """Let a second go by whenever somebody asks for the time; return what is over after three."""
    clock = shop.world.clock
    real, step = clock.now, timedelta(seconds=1)

    def now() -> Any:
        clock.advance(step)
        return real()

    vars(clock)["now"] = now
    return step * 3


def test_a_list_of_which_a_part_is_lost_makes_nobody_leave(shop: Shop) -> None:
    """Promise 1: what was told must not turn into its opposite."""
    save(shop, "s-1", groups=["vip"])
    shop.connect("PUT", "/groups/vip", {"name": "VIPs", "shopper_ids": ["s-1"]})
    [part] = shop.world.rows("GL#")
    shop.world.dynamodb.delete_item(
        TableName="concord-test", Key={"pk": {"S": part["pk"]}, "sk": {"S": part["sk"]}}
    )
    settle(shop.world)
    assert members(shop) == 1
    [failure] = shop.world.body(shop.admin("GET", "/failures"))["items"]
    assert failure["reason"] == "list_lost"


def test_a_list_that_could_not_be_stored_is_told(shop: Shop) -> None:
    """Promise 1: 503, nothing half-done; the repeat does it."""
    save(shop, "s-1")
    wire = Wire(shop.world)
    with wire.failing(away("dynamodb")):
        assert put_only(shop, ["s-1"]) == 503
    assert put(shop, "vip", ["s-1"]) == 202
    assert members(shop) == 1


def put_only(shop: Shop, ids: list[str]) -> int:
    answer = shop.connect("PUT", "/groups/vip", {"name": "VIPs", "shopper_ids": ids})
    return int(answer["statusCode"])


@pytest.mark.parametrize(
    ("group", "body", "field"),
    [
        ("vip", {}, "name"),
        ("vip", {"name": " "}, "name"),
        ("vip", {"name": "x" * 201}, "name"),
        ("vip", {"name": 7}, "name"),
        ("vip", {"name": "VIPs", "shopper_ids": "s-1"}, "shopper_ids"),
        ("vip", {"name": "VIPs", "shopper_ids": [7]}, "shopper_ids"),
        ("vip", {"name": "VIPs", "shopper_ids": [""]}, "shopper_ids"),
        ("x" * 101, {"name": "VIPs"}, "group_id"),
    ],
)
def test_a_wrong_field_is_named(shop: Shop, group: str, body: Any, field: str) -> None:
    answer = shop.connect("PUT", f"/groups/{group}", body)
    assert answer["statusCode"] == 422
    assert field in {error["field"] for error in shop.world.body(answer)["errors"]}


def test_only_a_connection_that_listens_takes_groups(shop: Shop) -> None:
    """TEA-01: 409, and no side effect."""
    assert shop.admin("POST", "/state", {"state": "disconnected"})["statusCode"] == 200
    shop.world.cold()
    for method in ("PUT", "DELETE"):
        answer = shop.connect(method, "/groups/vip", {"name": "VIPs"})
        assert answer["statusCode"] == 409
    assert shop.world.rows("G") == []
