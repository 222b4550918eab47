"""A full read dies at each of its requests, and goes on: the same end, and the counts are right."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from concord.services import read_source
from tests.world.crashes import Scene, dies_everywhere
from tests.world.faults import VISIBILITY, Wire, settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.world import World

_names = itertools.count(1)
# Pages of three: the second one dies as well.
PAGES = {"paging": {"size": 3}}


def _shop(house: World, **settings: Any) -> Shop:
    shop = house.shop(f"c{next(_names)}", **settings)
    assert shop.admin("PATCH", "", {"source": {"settings": PAGES}})["statusCode"] == 200
    return shop


def _lists(shop: Shop, *shoppers: dict[str, Any]) -> None:
    groups = [{"id": "a", "name": "Bakery"}, {"id": "b", "name": "Wine"}]
    shop.world.sandbox.seed(
        "catapult", shop.catapult_account, shoppers=list(shoppers), groups=groups
    )


def _read(shop: Shop) -> str:
    shop.world.clock.advance(timedelta(seconds=1))
    return str(shop.world.body(shop.admin("POST", "/group-syncs"))["job_id"])


def _row(shop: Shop, task_id: str) -> dict[str, str]:
    pk = f"TB#{shop.merchant_id}#sync_shoppers#{shop.connection_id}#{task_id}"
    return {"pk": pk, "sk": "TASK"}


def _kept(shop: Shop) -> dict[str, Any]:
    """Return who is mirrored with which groups, and the groups' own rows."""
    own = f"#{shop.merchant_id}#"
    rows = [row for row in shop.world.rows(f"S{own}") if row["sk"] == "SHOPPER"]
    ids = {row["pk"].split("#")[3]: row["shopper_id"] for row in rows}
    members = [(r["pk"].split("#")[3], ids[r["sk"]]) for r in shop.world.rows(f"GM{own}")]
    return {
        "shoppers": {
            row["shopper_id"]: (len(row["phones"]), *json.loads(row["profile"])["groups"])
            for row in rows
        },
        "members": sorted(members),
        "names": sorted(row["name"] for row in shop.world.rows(f"G{own}")),
    }


def test_a_read_that_dies_anywhere_comes_to_the_same_end(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability 12, TEA-05, TEA-10: new, changed, unchanged, gone; two pages; everybody once."""
    monkeypatch.setattr(read_source, "_WORKERS", 1)  # its requests are numbered
    for name in ("_BEGINS_WITHIN", "_ENDS_WITHIN"):
        monkeypatch.setattr(read_source, name, timedelta(hours=1))
    wire = Wire(house)

    def stage() -> Scene:
        shop = _shop(house)
        one, two, three = (new_number() for _ in range(3))
        same = {"id": "s-1", "phones": [one], "groups": ["a"]}
        _lists(shop, same, {"id": "s-2", "groups": ["a"]}, {"id": "s-4", "groups": ["a", "b"]})
        _read(shop)
        settle(house)
        joined = Person(shop, carried=False).texts("JOIN").number
        changed = {"id": "s-2", "phones": [two], "groups": ["b"]}
        new = {"id": "s-3", "phones": [three, joined, "12"], "groups": ["a"], "guest": True}
        gone = f"/catapult/_shoppers/{shop.catapult_account}/s-4"
        assert house.sandbox.call("DELETE", gone).status_code == 204
        _lists(shop, changed, new, {"id": "s-5", "phones": []})
        job_id = _read(shop)

        def outcome() -> dict[str, Any]:
            job = house.body(house.admin("GET", f"/v1/jobs/{job_id}"))
            counts = {n: job[n] for n in ("state", "created", "updated", "skipped", "done")}
            told = {"phones": shop.phones("s-3")[joined], "consent": shop.consent(joined)}
            return {**counts, **job["result"], **_kept(shop), **told}

        row = _row(shop, "run")
        return Scene(lambda receives: house.run_task(row, receives), outcome)

    expected = {
        "state": "done",
        "created": 2,
        "updated": 1,
        "skipped": {"unchanged": 1, "invalid_phone": 1},
        "done": 5,
        "groups": 2,
        "left": 1,
        "complete": True,
        "reason": None,
        "shoppers": {
            "s-1": (1, "a"),
            "s-2": (1, "b"),
            "s-3": (2, "a"),
            "s-4": (0,),
            "s-5": (0,),
        },
        "members": [("a", "s-1"), ("a", "s-3"), ("b", "s-2")],
        "names": ["Bakery", "Wine"],
        "phones": True,
        "consent": "opted_in",
    }
    assert dies_everywhere(wire, house, stage, expected, VISIBILITY) > 30


def test_a_timer_that_dies_anywhere_starts_one_read(house: World) -> None:
    """Reliability 12: killed between the read and its own next turn, it finds the read running."""
    wire = Wire(house)

    def stage() -> Scene:
        shop = _shop(house, sync_hours=24)
        settle(house)
        _lists(shop, {"id": "s-1"})
        before = len(house.sandbox.calls("catapult"))
        house.clock.advance(timedelta(hours=26))

        def outcome() -> dict[str, Any]:
            asked = house.sandbox.calls("catapult")[before:]
            lists = [call["path"] for call in asked if call["path"].endswith("/shoppers")]
            own = f"TB#{shop.merchant_id}#sync_shoppers#"
            timers = [row["task_id"] for row in house.rows(own)]
            return {"reads": len(lists), "timers": timers, **_kept(shop)}

        row = _row(shop, "every-24h")
        return Scene(lambda receives: house.run_task(row, receives), outcome)

    kept = {"shoppers": {"s-1": (0,)}, "members": [], "names": ["Bakery", "Wine"]}
    dies_everywhere(wire, house, stage, {"reads": 1, "timers": ["every-24h"], **kept})


def test_connecting_that_dies_anywhere_reads_once(house: World) -> None:
    """TEA-01, TEA-05, reliability 12: the operator connects once more; one read, one timer."""
    wire = Wire(house)

    def stage() -> Scene:
        shop = _shop(house, states=("pending",), sync_hours=24)
        _lists(shop, {"id": "s-1"})

        def connect(times: int) -> None:
            answer = shop.admin("POST", "/state", {"state": "connected"})
            assert answer["statusCode"] == 200 or (times, answer["statusCode"]) == (2, 409)

        def outcome() -> dict[str, Any]:
            own = f"TB#{shop.merchant_id}#sync_shoppers#"
            state = house.body(shop.admin("GET"))["state"]
            return {
                "state": state,
                "tasks": [row["task_id"] for row in house.rows(own)],
                **_kept(shop),
            }

        return Scene(connect, outcome)

    expected = {
        "state": "connected",
        "tasks": ["every-24h"],
        "shoppers": {"s-1": (0,)},
        "members": [],
        "names": ["Bakery", "Wine"],
    }
    dies_everywhere(wire, house, stage, expected, timedelta(seconds=30))
