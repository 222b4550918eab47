"""The sandbox's CATAPULT: its lists of groups and shoppers, and LoyaltyBot."""

import json
from typing import Any

import httpx
import pytest

from tests.sandbox.harness import Sandbox

ONE, TWO = "+15551230001", "+15551230002"
KEY = {"X-Api-Key": "secret-key"}
LISTS = "/catapult/accounts/cat-1"


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.seed(
        "catapult",
        "cat-1",
        credentials={"api_key": "secret-key"},
        api_url="http://concord.test/local/",
        connection_id="c1",
        connect_key="ck_1",
        groups=[{"id": "g1", "name": "Bakery"}],
        shoppers=[
            {
                "id": "s1",
                "first_name": "A",
                "phones": [ONE, TWO],
                "groups": ["g1"],
                "address": {"country": "US", "region": "FL"},
            },
            {"id": "s2", "phones": [TWO], "groups": ["g2"], "guest": True},
            {"id": "s3"},
        ],
    )


def read(sandbox: Sandbox, name: str, **query: Any) -> dict[str, Any]:
    answer = sandbox.get(f"{LISTS}/{name}", params=query, headers=KEY)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ids(sandbox: Sandbox, **query: Any) -> list[str]:
    """Follow the cursors to the end."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = read(sandbox, "shoppers", **query, **cursor)
        found += [shopper["id"] for shopper in page["shoppers"]]
        if page["cursor"] is None:
            return found
        cursor = {"cursor": page["cursor"]}


def test_groups_are_those_made_and_those_named(sandbox: Sandbox) -> None:
    """TEA-06: a group has its own name; one that only a shopper names is there too."""
    named = [{"id": "g1", "name": "Bakery"}, {"id": "g2", "name": "g2"}]
    assert read(sandbox, "groups") == {"groups": named, "cursor": None, "total": 2}


def test_shoppers_are_listed_in_pages(sandbox: Sandbox) -> None:
    """TEA-08: guests too, each with all numbers, flags and groups."""
    page = read(sandbox, "shoppers", limit=1)
    assert page["shoppers"] == [
        {
            "id": "s1",
            "first_name": "A",
            "phones": [{"number": ONE, "opted_in": False}, {"number": TWO, "opted_in": False}],
            "groups": ["g1"],
            "guest": False,
            "address": {"country": "US", "region": "FL"},
        }
    ]
    assert page["total"] == 3
    for limit in (1, 2, 3, 100):
        assert ids(sandbox, limit=limit) == ["s1", "s2", "s3"]


def test_whoever_comes_between_pages_moves_nobody(sandbox: Sandbox) -> None:
    first = read(sandbox, "shoppers", limit=2)
    sandbox.seed("catapult", "cat-1", shoppers=[{"id": "s0"}, {"id": "s9"}])
    rest = read(sandbox, "shoppers", limit=5, cursor=first["cursor"])
    assert [shopper["id"] for shopper in rest["shoppers"]] == ["s3", "s9"]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"page": "1"}, {"cursor": "?"}])
def test_a_query_outside_the_contract_is_400(sandbox: Sandbox, query: dict[str, str]) -> None:
    for name in ("groups", "shoppers"):
        assert sandbox.get(f"{LISTS}/{name}", params=query, headers=KEY).status_code == 400


def test_lists_need_the_key(sandbox: Sandbox) -> None:
    for name in ("groups", "shoppers"):
        assert sandbox.get(f"{LISTS}/{name}").status_code == 401


def test_a_shopper_can_leave(sandbox: Sandbox) -> None:
    path = "/catapult/_shoppers/cat-1/s2"
    assert sandbox.call("DELETE", path).status_code == 204
    assert sandbox.get(path).status_code == sandbox.call("DELETE", path).status_code == 404
    assert ids(sandbox) == ["s1", "s3"]


def move(sandbox: Sandbox, **change: Any) -> httpx.Response:
    return sandbox.post("/catapult/_groups", json={"account_id": "cat-1", **change})


def test_loyaltybot_moves_shoppers_and_tells_nobody(sandbox: Sandbox) -> None:
    """TEA-10: membership is CATAPULT's; a paged read finds it."""
    change = {"group_id": "g3", "name": "Wine", "add": ["s1", "s3", "nobody"], "remove": ["s2"]}
    answer = move(sandbox, **change)
    assert answer.json() == {"moved": ["s1", "s2", "s3"], "told": []}
    move(sandbox, group_id="g1", remove=["s1"])
    groups = {s["id"]: s["groups"] for s in read(sandbox, "shoppers")["shoppers"]}
    assert groups == {"s1": ["g3"], "s2": ["g2"], "s3": ["g3"]}
    assert {"id": "g3", "name": "Wine"} in read(sandbox, "groups")["groups"]
    assert sandbox.received == []


def test_loyaltybot_tells_concord_of_the_group(sandbox: Sandbox) -> None:
    """TEA-10: one call with all members."""
    sandbox.answer = lambda _: httpx.Response(200)
    assert move(sandbox, group_id="g1", add=["s2"], notify="group").json()["told"] == [200]
    (asked,) = sandbox.received
    assert (asked.method, asked.url.path) == ("PUT", "/local/connect/c1/groups/g1")
    assert asked.headers["authorization"] == "Bearer ck_1"
    assert json.loads(asked.content) == {"name": "Bakery", "shopper_ids": ["s1", "s2"]}


def test_loyaltybot_tells_concord_of_each_shopper(sandbox: Sandbox) -> None:
    """TEA-10: as `PUT /connect/{cid}/shoppers/{id}` takes them; no consent goes along (R-06)."""
    sandbox.answer = lambda _: httpx.Response(200)
    told = move(sandbox, group_id="g9", add=["s1", "s2"], notify="shoppers").json()["told"]
    assert told == [200, 200]
    assert [asked.url.path for asked in sandbox.received] == [
        "/local/connect/c1/shoppers/s1",
        "/local/connect/c1/shoppers/s2",
    ]
    assert json.loads(sandbox.received[0].content) == {
        "first_name": "A",
        "groups": ["g1", "g9"],
        "guest": False,
        "phones": [ONE, TWO],
        "attributes": {"country": "US", "region": "FL"},
    }


def test_who_cannot_be_told_is_not_moved(sandbox: Sandbox) -> None:
    sandbox.seed("catapult", "cat-1", connect_key=None)
    assert move(sandbox, group_id="g9", add=["s1"], notify="group").status_code == 409
    assert move(sandbox, account_id="nobody", group_id="g9").status_code == 404
    assert move(sandbox, group_id="g9", who="s1").status_code == 400
    assert read(sandbox, "shoppers")["shoppers"][0]["groups"] == ["g1"]
