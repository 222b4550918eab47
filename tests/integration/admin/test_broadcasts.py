"""/v1/connections/{cid}/broadcasts: drafting, scheduling, and what is asked of a broadcast."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from concord.adapters.dynamodb.groups import DynamoDbContributions
from concord.adapters.dynamodb.table import Table
from concord.domain.regroup import Act, Change, Contribution
from tests.world.shop import Shop
from tests.world.world import TABLE, World

DRAFT: dict[str, Any] = {"name": "Sale", "group_ids": ["vip"], "text": "Two for one today."}


@pytest.fixture(autouse=True)
def groups(house: World, shop: Shop) -> None:
    """`vip` has a textable number, `quiet` a member without one."""
    contributions = DynamoDbContributions(Table(TABLE))
    for key, group, changes in (
        ("a" * 32, "vip", (Change(Act.JOIN, "vip"), Change(Act.ADD, "vip", f"v1.{'1' * 64}"))),
        ("b" * 32, "quiet", (Change(Act.JOIN, "quiet"),)),
    ):
        nothing = Contribution(shop.merchant_id, shop.connection_id, key)
        assert contributions.step(nothing, changes, house.clock.now()), group


def create(house: World, shop: Shop, key: str = "", **changed: Any) -> tuple[int, dict[str, Any]]:
    more: dict[str, Any] = {"headers": {"Idempotency-Key": key}} if key else {}
    answer = house.admin(
        "POST", f"/v1/connections/{shop.connection_id}/broadcasts", DRAFT | changed, **more
    )
    return answer["statusCode"], house.body(answer)


def act(house: World, shop: Shop, made: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    return shop.admin("POST", f"/broadcasts/{made['broadcast_id']}/{what}", body)


def headers(house: World) -> list[dict[str, Any]]:
    return house.rows("B#")


def test_a_draft_sends_nothing(house: World, shop: Shop) -> None:
    """TEA-05, R-09: a draft is stored, shown, listed newest first, audited, and waits."""
    status, made = create(house, shop)
    assert (status, made["state"], made["group_ids"]) == (201, "draft", ["vip"])
    assert made["audience"] is None
    house.clock.advance(timedelta(seconds=2))
    _, second = create(house, shop, name="Later")
    listed = house.body(shop.admin("GET", "/broadcasts"))["items"]
    assert [each["broadcast_id"] for each in listed] == [
        second["broadcast_id"],
        made["broadcast_id"],
    ]
    shown = house.body(shop.admin("GET", f"/broadcasts/{made['broadcast_id']}"))
    assert shown == made
    audit = house.body(shop.admin("GET", "/audit"))["items"]
    assert audit[0]["action"] == "broadcast_drafted"
    assert not house.rows("TP#")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"group_ids": []}, "group_ids"),
        ({"group_ids": ["vip", "nobody"]}, "group_ids.1"),
        ({"group_ids": ["quiet"]}, "group_ids.0"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 1600}, "text"),
        ({"text": "ding \x07"}, "text"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2099-01-01T00:00:00Z"}, "send_at"),
        ({"rate": 0}, "rate"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named(
    house: World, shop: Shop, changed: dict[str, Any], field: str
) -> None:
    """TEA-05: no group, a group nobody has, one without an opted-in shopper: 422, nothing kept."""
    status, problem = create(house, shop, **changed)
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == [field]
    assert not headers(house)


@pytest.mark.parametrize("name", ["numbers", "recipients", "to", "phones", "contacts"])
def test_a_list_of_numbers_is_refused(house: World, shop: Shop, name: str) -> None:
    """TEA-09: a raw list of numbers would bypass consent: 403, nothing kept."""
    listed: dict[str, Any] = {name: ["+15551230000"]}
    status, problem = create(house, shop, **listed)
    assert (status, problem["code"]) == (403, "raw_numbers_not_allowed")
    assert not headers(house)


def test_the_same_key_makes_one_broadcast(house: World, shop: Shop) -> None:
    """TEA-05: the same Idempotency-Key twice is one broadcast, another body a conflict."""
    first = create(house, shop, key="k-1")
    assert create(house, shop, key="k-1") == first
    assert len(headers(house)) == 1
    status, problem = create(house, shop, key="k-1", name="Other")
    assert (status, problem["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("state", ["paused", "disconnected"])
def test_only_a_connected_one_sends(house: World, shop: Shop, state: str) -> None:
    """TEA-01: in a state other than connected: 409 and no side effect."""
    _, made = create(house, shop)
    shop.admin("POST", "/state", {"state": state})
    before = house.rows("B#"), house.rows("TP#")
    assert create(house, shop)[0] == 409
    answer = act(house, shop, made, "send")
    assert house.body(answer)["code"] == "connection_not_connected"
    assert (house.rows("B#"), house.rows("TP#")) == before


def test_sending_calls_the_planner_once(house: World, shop: Shop) -> None:
    """R-09: `send` and its repeat are one start; it is paused, goes on, and is ended."""
    _, made = create(house, shop)
    assert house.body(act(house, shop, made, "send"))["state"] == "planning"
    assert house.body(act(house, shop, made, "send"))["state"] == "planning"
    assert len(house.rows("TP#")) == 1
    assert house.body(act(house, shop, made, "pause"))["held"] == "by_operator"
    assert house.body(act(house, shop, made, "pause"))["state"] == "paused"
    assert house.body(act(house, shop, made, "resume"))["state"] == "planning"
    assert house.body(act(house, shop, made, "cancel"))["state"] == "cancelled"
    problem = house.body(act(house, shop, made, "send"))
    assert problem["code"] == "invalid_transition"
    assert "final" in problem["detail"]


def test_a_moment_is_set_and_moved(house: World, shop: Shop) -> None:
    """R-09: scheduled, moved, the repeat changes nothing; the past is refused."""
    at = house.clock.now() + timedelta(hours=3)
    _, made = create(house, shop, send_at=at.isoformat())
    assert (made["state"], made["send_at"]) == ("draft", at.isoformat().replace("+00:00", "Z"))
    made = house.body(act(house, shop, made, "schedule"))
    assert (made["state"], made["send_at"]) == (
        "scheduled",
        at.isoformat().replace("+00:00", "Z"),
    )
    later = (at + timedelta(hours=1)).isoformat()
    moved = house.body(act(house, shop, made, "schedule", send_at=later))
    again = house.body(act(house, shop, made, "schedule", send_at=later))
    assert moved == again
    assert len(house.rows("TP#")) == 2  # one for each version that needs the planner
    past = act(house, shop, made, "schedule", send_at="2020-01-01T00:00:00Z")
    assert past["statusCode"] == 422
    _, never = create(house, shop)
    assert act(house, shop, never, "schedule")["statusCode"] == 422


@pytest.mark.parametrize("what", ["send", "pause", "resume", "cancel"])
def test_nobody_finds_what_is_not_there(house: World, shop: Shop, what: str) -> None:
    """A broadcast that never was, and an id that is none, are the same 404."""
    for name in ("20260101t000000-00000000", "x"):
        answer = act(house, shop, {"broadcast_id": name}, what)
        assert answer["statusCode"] == 404
