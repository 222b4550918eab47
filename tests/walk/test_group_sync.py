"""A shop's groups and shoppers, read in full: everybody once, nothing twice, no consent touched."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from concord.services import read_source, run_job
from tests.world.faults import Request, Wire, open_tasks, settle
from tests.world.shop import Shop, new_number
from tests.world.world import World

LIST = "/accounts/cat-m1/shoppers"


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice of work last as long as it takes: how slices end is proved by itself."""
    for name in ("_BEGINS_WITHIN", "_ENDS_WITHIN"):
        monkeypatch.setattr(read_source, name, timedelta(hours=1))


def _start(shop: Shop) -> str:
    answer = shop.admin("POST", "/group-syncs")
    assert answer["statusCode"] == 202, answer
    return str(shop.world.body(answer)["job_id"])


def _job(shop: Shop, job_id: str) -> dict[str, Any]:
    return shop.world.body(shop.world.admin("GET", f"/v1/jobs/{job_id}"))


def _sync(shop: Shop) -> dict[str, Any]:
    """Read everything once; returns the job as its answer shows it."""
    shop.world.clock.advance(timedelta(seconds=1))
    job_id = _start(shop)
    settle(shop.world)
    return {name: value for name, value in _job(shop, job_id).items() if name != "job_id"}


def _lists(shop: Shop, *shoppers: dict[str, Any], **more: Any) -> None:
    shop.world.sandbox.seed("catapult", shop.catapult_account, shoppers=list(shoppers), **more)


def _pages_of(shop: Shop, size: int) -> None:
    paging = {"paging": {"size": size}}
    assert shop.admin("PATCH", "", {"source": {"settings": paging}})["statusCode"] == 200


def _mirrored(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return what we keep of each shopper, by her shop's id."""
    rows = shop.world.rows(f"S#{shop.merchant_id}#{shop.connection_id}#")
    return {row["shopper_id"]: row for row in rows if row["sk"] == "SHOPPER"}


def _profile(shop: Shop, shopper_id: str) -> dict[str, Any]:
    profile: dict[str, Any] = json.loads(_mirrored(shop)[shopper_id]["profile"])
    return profile


def _phones(shop: Shop, shopper_id: str) -> set[str]:
    return set(_mirrored(shop)[shopper_id]["phones"].values())


def _skipped(job: dict[str, Any]) -> dict[str, int]:
    skipped: dict[str, int] = job["skipped"]
    assert job["created"] + job["updated"] + sum(skipped.values()) == job["done"] == job["total"]
    return skipped


# --- what is read ----------------------------------------------------------------------------


def test_a_read_mirrors_everybody_with_all_numbers_and_groups(shop: Shop) -> None:
    """TEA-05, TEA-08: several numbers, guests, groups by name; her flag there says nothing."""
    one, two, three = new_number(), new_number(), new_number()
    _lists(
        shop,
        {
            "id": "s-1",
            "first_name": "Ada",
            "email": "Ada@example.com",
            "phones": [{"number": one, "opted_in": True}, two],
            "groups": ["vip", "bakery"],
            "address": {"country": "US", "region": "FL"},
        },
        {"id": "s-2", "phones": [three, one], "groups": ["vip"], "guest": True},
        {"id": "s-3"},
        groups=[{"id": "vip", "name": "VIP shoppers"}],
    )
    job = _sync(shop)
    assert job["result"] == {"groups": 2, "left": 0, "complete": True, "reason": None}
    assert (job["state"], job["created"], _skipped(job)) == ("done", 3, {})
    assert _phones(shop, "s-1") == {one, two}
    assert _phones(shop, "s-2") == {one, three}
    assert _profile(shop, "s-1") == {
        "first_name": "Ada",
        "last_name": "",
        "created_at": "",
        "groups": ["vip", "bakery"],
        "guest": False,
        "attributes": {"country": "US", "region": "FL"},
    }
    assert _profile(shop, "s-2")["guest"] is True
    names = {row["sk"]: row["name"] for row in shop.world.rows("G#")}
    assert names == {"vip": "VIP shoppers", "bakery": "bakery"}
    assert shop.world.rows("C#") == [], "a list gives nobody's consent (R-06)"
    assert shop.consent(one) == "unknown"


def test_what_cannot_be_read_of_her_is_counted_and_she_is_kept(shop: Shop) -> None:
    """TEA-08: she keeps her other numbers; national ones are read as the merchant's country's."""
    good = new_number()
    _write_list(shop, [{"id": "s-1", "phones": [good, "12", "(202) 555-0143"], "email": "nobody"}])
    job = _sync(shop)
    assert _skipped(job) == {"invalid_phone": 1, "invalid_email": 1}
    assert job["created"] == 1
    assert _phones(shop, "s-1") == {good, "+12025550143"}
    again = _sync(shop)
    assert _skipped(again) == {"unchanged": 1, "invalid_phone": 1, "invalid_email": 1}


def test_an_entry_without_an_id_spoils_nothing_but_the_end(shop: Shop) -> None:
    """TEA-10: somebody was listed whom we cannot name, so nobody is taken out."""
    _write_list(shop, [{"id": "s-1", "phones": []}, {"phones": []}])
    job = _sync(shop)
    assert _skipped(job) == {"unreadable": 1}
    assert job["result"]["complete"] is False


def test_a_thousand_shoppers_and_nothing_to_write_the_second_time(shop: Shop) -> None:
    """TEA-05, promise 5: in pages of 100; unchanged shoppers cost a read each and no write."""
    groups = [{"id": f"g{n}", "name": f"Group {n}"} for n in range(5)]
    _lists(
        shop,
        *(
            {
                "id": f"s-{n}",
                "first_name": "Ada",
                "phones": [new_number() for _ in range(n % 4)],
                "groups": [f"g{n % 5}", "g0"] if n % 3 else [],
                "guest": n % 7 == 0,
            }
            for n in range(1_000)
        ),
        groups=groups,
    )
    job_id = _start(shop)
    (row,) = _rows(shop, "run")
    shop.world.run_task(row)
    first = _job(shop, job_id)
    assert (first["created"], first["done"], _skipped(first)) == (1_000, 1_000, {})
    assert len(_mirrored(shop)) == 1_000
    assert len([each for each in open_tasks(shop.world) if "#regroup#" in each["pk"]]) == 1_000
    before = _kept(shop)

    wire = Wire(shop.world)
    shop.world.clock.advance(timedelta(hours=24))
    job_id = _start(shop)
    wire.calm()
    shop.world.run_task(row)
    made = Counter(name for name in wire.names if name.startswith("dynamodb."))
    calls = [name for name in wire.names if name.startswith("GET ")]
    job = _job(shop, job_id)
    assert job["skipped"] == {"unchanged": 1_000}
    assert _kept(shop) == before
    pages = 10
    assert len(calls) == 1 + pages
    writes = sum(made[f"dynamodb.{name}"] for name in ("PutItem", "UpdateItem", "DeleteItem"))
    # Of each page: its moment, its fingerprints, its end; they are forgotten at the end. Besides:
    # the groups, the last phase, the job's end, and the lease and the end of the row.
    assert writes <= 4 * pages + 8
    assert made["dynamodb.GetItem"] <= 1_000 + 3
    assert made["dynamodb.TransactWriteItems"] == 0


def _write_list(shop: Shop, entries: list[dict[str, Any]], **more: Any) -> None:
    """Let CATAPULT answer the list of shoppers so, as no sandbox would."""
    transport = shop.world.http.transport
    body = {"shoppers": entries, "cursor": None, **more}

    class Answering(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/shoppers"):
                return httpx.Response(200, json=body)
            return transport.handle_request(request)

    shop.world.http.transport = Answering()


def _kept(shop: Shop) -> list[Any]:
    """Return everything about shoppers and groups, as it is stored."""
    rows = [row for prefix in ("S#", "P#", "G") for row in shop.world.rows(prefix)]
    return sorted((row["pk"], row["sk"], str(sorted(row.items(), key=str))) for row in rows)


def _rows(shop: Shop, task_id: str) -> list[dict[str, str]]:
    """Return the keys of the reads or timers of a shop."""
    own = f"TB#{shop.merchant_id}#sync_shoppers#{shop.connection_id}#{task_id}"
    return [{"pk": row["pk"], "sk": row["sk"]} for row in shop.world.rows(own)]


# --- what others say meanwhile ---------------------------------------------------------------


def test_a_call_of_the_shop_after_the_page_stands(shop: Shop) -> None:
    """TEA-12: the list was read before the till spoke; the older word does not replace it."""
    old, new = new_number(), new_number()
    _lists(shop, {"id": "s-1", "phones": [old], "groups": ["vip"]})
    wire = Wire(shop.world)

    def speaks(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            wire.after = lambda _: None
            shop.world.clock.advance(timedelta(seconds=1))
            said = {"phones": [new], "groups": ["bakery"]}
            assert shop.connect("PUT", "/shoppers/s-1", said)["statusCode"] == 201

    wire.after = speaks
    job = _sync(shop)
    assert _skipped(job) == {"newer_word": 1}
    assert _phones(shop, "s-1") == {new}
    assert _profile(shop, "s-1")["groups"] == ["bakery"]


def test_what_a_list_does_not_show_is_kept(shop: Shop) -> None:
    """TEA-08: a call said more than the list has; the list changes what it shows, and no more."""
    number, other = new_number(), new_number()
    said = {
        "first_name": "Ada",
        "email": "ada@example.com",
        "phones": [number],
        "groups": ["a", "b"],
        "created_at": "2026-01-02T03:04:05Z",
        "attributes": {"points": 7, "region": "US-FL"},
    }
    shop.connect("PUT", "/shoppers/s-1", said)
    _lists(shop, {"id": "s-1", "phones": [number], "groups": ["b", "a"]})
    assert _skipped(_sync(shop)) == {"unchanged": 1}
    _lists(shop, {"id": "s-1", "phones": [number, other], "groups": ["b"]})
    assert _sync(shop)["updated"] == 1
    profile = _profile(shop, "s-1")
    assert (profile["first_name"], profile["created_at"]) == ("Ada", "2026-01-02T03:04:05Z")
    assert (profile["groups"], profile["attributes"]) == (["b"], said["attributes"])
    assert list(_mirrored(shop)["s-1"]["emails"].values()) == ["ada@example.com"]
    # And her shop's own call counts again, though it is the one that it made before.
    assert shop.world.body(shop.connect("PUT", "/shoppers/s-1", said))["changed"] is True
    assert _phones(shop, "s-1") == {number}


def test_a_number_that_waited_is_told(shop: Shop) -> None:
    """TEA-12: she joined before the shop's list had her."""
    number = new_number()
    shop.texts(number, "JOIN")
    settle(shop.world)
    assert shop.world.body(shop.admin("GET", "/reviews?kind=unmatched"))["items"]
    shop.shopper("s-1", number)
    _sync(shop)
    assert shop.phones("s-1") == {number: True}
    assert shop.world.body(shop.admin("GET", "/reviews?kind=unmatched"))["items"] == []


def test_a_stop_during_a_read_stands(shop: Shop) -> None:
    """TEA-17, R-06: CATAPULT still shows her as opted in; nothing lifts an opt-out but UNSTOP."""
    number = new_number()
    shop.shopper("s-1", number)
    shop.texts(number, "JOIN")
    settle(shop.world)
    assert shop.phones("s-1") == {number: True}
    wire = Wire(shop.world)

    def stops(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            wire.after = lambda _: None
            shop.texts(number, "STOP")

    wire.after = stops
    _sync(shop)
    assert shop.consent(number) == "opted_out"
    assert shop.phones("s-1") == {number: False}
    assert _skipped(_sync(shop)) == {"unchanged": 1}
    assert shop.consent(number) == "opted_out"


# --- when it is read -------------------------------------------------------------------------


def test_connecting_reads_once_and_then_every_day(house: World) -> None:
    """TEA-05: the groups are there when the marketer looks; the sweep finds the next read."""
    shop = house.shop(states=("pending",), sync_hours=24)
    shop.shopper("s-1", new_number())
    shop.move("connected")
    settle(house)
    assert set(_mirrored(shop)) == {"s-1"}
    reads = [call for call in house.sandbox.calls("catapult") if "shoppers?" in call["path"]]
    assert len(reads) <= 1
    shop.shopper("s-2", new_number())
    for hours, expected in ((12, {"s-1"}), (14, {"s-1", "s-2"})):
        house.clock.advance(timedelta(hours=hours))
        house.sweep()
        settle(house)
        assert set(_mirrored(shop)) == expected


def test_the_interval_is_a_setting_and_null_switches_it_off(house: World) -> None:
    """Promise 5: nobody pays for reads that nobody wants."""
    shop = house.shop(sync_hours=24)
    settle(house)
    shop.admin("PATCH", "", {"settings": {"sync_hours": 6}})
    settle(house)
    shop.shopper("s-1", new_number())
    _hours_go_by(house, 7)
    assert set(_mirrored(shop)) == {"s-1"}
    changed = shop.world.body(shop.admin("PATCH", "", {"settings": {"sync_hours": None}}))
    assert changed["settings"]["sync_hours"] is None
    shop.shopper("s-2", new_number())
    _hours_go_by(house, 30)
    assert set(_mirrored(shop)) == {"s-1"}
    assert _rows(shop, "") == [], "the timers of intervals that are set no more have ended"
    shop.move("paused")
    shop.move("connected")
    settle(house)
    assert set(_mirrored(shop)) == {"s-1"}
    _sync(shop)
    assert set(_mirrored(shop)) == {"s-1", "s-2"}


@pytest.mark.parametrize("hours", [0, -1, 169, 1.5, "often"])
def test_an_interval_is_a_whole_number_of_hours(shop: Shop, hours: object) -> None:
    assert shop.admin("PATCH", "", {"settings": {"sync_hours": hours}})["statusCode"] == 422


def test_a_timer_ends_with_its_connection(house: World) -> None:
    shop = house.shop(sync_hours=1)
    settle(house)
    assert len(_rows(shop, "every-1h")) == 1
    shop.move("disconnected")
    _hours_go_by(house, 2)
    assert _rows(shop, "") == []


def _hours_go_by(house: World, hours: int) -> None:
    for _ in range(hours):
        house.clock.advance(timedelta(hours=1))
        house.sweep()
        settle(house)


def test_a_second_start_is_answered_with_the_read_that_runs(shop: Shop) -> None:
    """Promise 3: two marketers press the button, one read runs; later it is another one."""
    first = _start(shop)
    assert _start(shop) == first
    assert len(_rows(shop, "run")) == 1
    settle(shop.world)
    assert _job(shop, first)["state"] == "done"
    assert _start(shop) != first


@pytest.mark.parametrize("state", ["pending", "paused", "disconnected"])
def test_only_what_is_connected_is_read(house: World, state: str) -> None:
    """TEA-01: its platforms are not called."""
    states = ("pending",) if state == "pending" else ("pending", "connected", state)
    answer = house.shop(states=states).admin("POST", "/group-syncs")
    assert (answer["statusCode"], house.body(answer)["code"]) == (409, "connection_not_connected")


# --- when the shop's platform is ill ---------------------------------------------------------


def test_a_throttled_read_goes_on_at_its_page(shop: Shop) -> None:
    """R-10: 429 and Retry-After; no page is read twice, nobody is lost."""
    _pages_of(shop, 2)
    _lists(shop, *({"id": f"s-{n}", "phones": [new_number()]} for n in range(5)))
    wire = Wire(shop.world)
    asked: list[int] = []

    def third(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            asked.append(request.number)
            if len(asked) == 2:
                answer = {"status": 429, "retry_after": 120, "times": 2}
                shop.world.sandbox.fault(platform="catapult", path=LIST, **answer)

    wire.after = third
    job_id = _start(shop)
    shop.world.pump()
    assert _job(shop, job_id)["done"] == 4
    assert _job(shop, job_id)["state"] == "running"
    settle(shop.world)
    job = _job(shop, job_id)
    assert (job["state"], job["created"], _skipped(job)) == ("done", 5, {})
    assert len(asked) == 3 + 2


def test_a_read_that_is_refused_fails_and_can_be_retried(shop: Shop) -> None:
    """TEA-10: a wrong path in the settings; the operator mends it and has it done again."""
    shop.shopper("s-1", new_number())
    wrong = {"paths": {"shoppers": "/accounts/{account_id}/customers"}}
    shop.admin("PATCH", "", {"source": {"settings": wrong}})
    job = _sync(shop)
    assert (job["state"], job["result"]["reason"]) == ("failed", "not_found")
    (failure,) = shop.world.body(shop.admin("GET", "/failures"))["items"]
    assert (failure["kind"], failure["reason"]) == ("sync_shoppers", "not_found")
    shop.admin("PATCH", "", {"source": {"settings": {}}})
    retried = shop.admin("POST", f"/failures/{failure['failure_id']}/retry")
    assert retried["statusCode"] == 200
    settle(shop.world)
    assert set(_mirrored(shop)) == {"s-1"}
    assert shop.world.body(shop.admin("GET", "/failures"))["items"] == []


def test_a_platform_that_stays_away_ends_the_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-10: after many tries of one page it is told; tomorrow's read begins anew."""
    assert run_job._GIVES_UP_AFTER >= 40
    monkeypatch.setattr(run_job, "_GIVES_UP_AFTER", 3)
    shop.world.sandbox.fault(platform="catapult", path=LIST, status=503)
    job_id = _start(shop)
    for _ in range(4):
        shop.world.clock.advance(timedelta(minutes=20))
        shop.world.sweep()
        shop.world.pump()
    assert _job(shop, job_id)["state"] == "failed"
    assert _job(shop, job_id)["result"]["reason"] == "platform_unavailable"
    assert open_tasks(shop.world) == []


def test_rejected_credentials_pause_the_connection_and_the_read(shop: Shop) -> None:
    """TEA-01: with good ones it goes on where it was."""
    shop.shopper("s-1", new_number())
    shop.world.sandbox.fault(platform="catapult", path=LIST, status=401, times=1)
    job_id = _start(shop)
    shop.world.pump()
    assert shop.world.body(shop.admin("GET"))["state"] == "paused"
    assert _job(shop, job_id)["state"] == "running"
    shop.move("connected")
    settle(shop.world)
    assert _job(shop, job_id)["state"] == "done"
    assert set(_mirrored(shop)) == {"s-1"}


def test_a_read_ends_with_its_connection(shop: Shop) -> None:
    job_id = _start(shop)
    shop.move("disconnected")
    settle(shop.world)
    job = _job(shop, job_id)
    assert (job["state"], job["result"]["reason"]) == ("failed", "connection_not_connected")
    assert shop.world.rows("J#")[0]["sk"] == "JOB"


# --- who is listed no more -------------------------------------------------------------------


def _groups_of(shop: Shop) -> dict[str, set[str]]:
    """Return who is in each group by the groups' own rows, as their shops call them."""
    ids = {row["pk"].split("#")[3]: name for name, row in _mirrored(shop).items()}
    found: dict[str, set[str]] = {}
    for row in shop.world.rows("GM#"):
        found.setdefault(row["pk"].split("#")[3], set()).add(ids[row["sk"]])
    return found


def _gone(shop: Shop, shopper_id: str) -> None:
    path = f"/catapult/_shoppers/{shop.catapult_account}/{shopper_id}"
    assert shop.world.sandbox.call("DELETE", path).status_code == 204


def test_who_is_listed_no_more_leaves_her_groups_and_nothing_else(shop: Shop) -> None:
    """TEA-10, R-06: no opt-out follows from it; listed again, she is in her groups again."""
    numbers = [new_number() for _ in range(4)]
    people = [
        {"id": f"s-{n}", "phones": [number], "groups": ["a", "b"][: 1 + n % 2]}
        for n, number in enumerate(numbers)
    ]
    _lists(shop, *people)
    shop.texts(numbers[1], "JOIN")
    _sync(shop)
    assert _groups_of(shop) == {"a": {"s-0", "s-1", "s-2", "s-3"}, "b": {"s-1", "s-3"}}
    for gone in ("s-1", "s-2"):
        _gone(shop, gone)
    job = _sync(shop)
    assert job["result"] == {"groups": 2, "left": 2, "complete": True, "reason": None}
    assert _skipped(job) == {"unchanged": 2}
    assert _groups_of(shop) == {"a": {"s-0", "s-3"}, "b": {"s-3"}}
    assert shop.consent(numbers[1]) == "opted_in"
    assert _mirrored(shop)["s-1"]["active"] is True
    assert _phones(shop, "s-1") == {numbers[1]}
    _lists(shop, people[1])
    assert _sync(shop)["result"]["left"] == 0
    assert _groups_of(shop) == {"a": {"s-0", "s-1", "s-3"}, "b": {"s-1", "s-3"}}


@pytest.mark.parametrize("total", [3, 4, 100])
def test_a_list_that_ends_early_takes_nobody_out(shop: Shop, total: int) -> None:
    """TEA-10: fewer came than they say there are, so somebody may have been left out."""
    _lists(shop, *({"id": f"s-{n}", "groups": ["a"]} for n in range(3)))
    _sync(shop)
    people = [{"id": f"s-{n}", "groups": ["a"]} for n in range(2)]
    _write_list(shop, people, total=total)
    job = _sync(shop)
    assert (job["state"], job["result"]["complete"], job["result"]["left"]) == ("done", False, 0)
    _write_list(shop, people, total=2)
    assert _sync(shop)["result"] == {"groups": 1, "left": 1, "complete": True, "reason": None}
    assert _groups_of(shop) == {"a": {"s-0", "s-1"}}


def test_a_list_that_shrinks_while_it_is_read_takes_nobody_out(shop: Shop) -> None:
    """TEA-10: with numbered pages, whoever is deleted moves another one out of sight."""
    _pages_of(shop, 2)
    _lists(shop, *({"id": f"s-{n}", "groups": ["a"]} for n in range(4)))
    _sync(shop)
    wire = Wire(shop.world)

    def deletes(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            wire.after = lambda _: None
            _gone(shop, "s-3")

    wire.after = deletes
    assert _sync(shop)["result"]["complete"] is False
    assert _groups_of(shop) == {"a": {"s-0", "s-1", "s-2", "s-3"}}
    assert _sync(shop)["result"]["left"] == 1


@pytest.mark.parametrize("broken", [{"total": 0}, {}])
def test_an_empty_list_takes_nobody_out(shop: Shop, broken: dict[str, int]) -> None:
    """TEA-10: a shop without a single shopper is a shop whose list failed."""
    _lists(shop, {"id": "s-1", "groups": ["a"]})
    _sync(shop)
    _write_list(shop, [], **broken)
    assert _sync(shop)["result"]["complete"] is False
    assert _groups_of(shop) == {"a": {"s-1"}}


def test_a_read_that_failed_on_its_way_takes_nobody_out(shop: Shop) -> None:
    """TEA-10: its second page was refused."""
    _pages_of(shop, 2)
    _lists(shop, *({"id": f"s-{n}", "groups": ["a"]} for n in range(4)))
    _sync(shop)
    _gone(shop, "s-0")
    wire = Wire(shop.world)

    def refuses(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            shop.world.sandbox.fault(platform="catapult", path=LIST, status=400, code=3, times=1)

    wire.after = refuses
    job = _sync(shop)
    assert (job["state"], job["result"]["reason"]) == ("failed", "invalid_program")
    assert len(_groups_of(shop)["a"]) == 4
    assert not [row for row in shop.world.rows("J#") if row["sk"] != "JOB"]


def test_whoever_the_shop_spoke_of_meanwhile_stays_in_her_groups(shop: Shop) -> None:
    """TEA-10: she was made after the page that would have had her; the next read lists her."""
    _lists(shop, {"id": "s-1", "groups": ["a"]})
    wire = Wire(shop.world)

    def speaks(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            wire.after = lambda _: None
            shop.connect("PUT", "/shoppers/s-2", {"groups": ["a"]})
            shop.world.relay()
            for row in [r for r in open_tasks(shop.world) if "#regroup#" in r["pk"]]:
                shop.world.run_task({"pk": row["pk"], "sk": row["sk"]})

    wire.after = speaks
    assert _sync(shop)["result"]["left"] == 0
    assert _groups_of(shop) == {"a": {"s-1", "s-2"}}


def test_a_departure_after_the_page_stands(shop: Shop) -> None:
    """TEA-12: she left while the list was read; the list of before does not bring her back."""
    number = new_number()
    _lists(shop, {"id": "s-1", "phones": [number], "groups": ["a"]})
    _sync(shop)
    _lists(shop, {"id": "s-1", "first_name": "Ada", "phones": [number], "groups": ["a", "b"]})
    wire = Wire(shop.world)

    def leaves(request: Request) -> None:
        if request.name.endswith("/shoppers"):
            wire.after = lambda _: None
            assert shop.connect("DELETE", "/shoppers/s-1")["statusCode"] == 200

    wire.after = leaves
    assert _skipped(_sync(shop)) == {"newer_word": 1}
    assert _mirrored(shop)["s-1"]["active"] is False
    assert _groups_of(shop) == {}
    # The shop lists her all the same the next day: she is back, and still opted out.
    assert _sync(shop)["updated"] == 1
    assert _mirrored(shop)["s-1"]["active"] is True
    assert shop.consent(number) == "opted_out"


# --- slices ----------------------------------------------------------------------------------


def test_a_read_goes_on_in_slices(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 3: each slice ends in time, at a page, in the middle of one, among those who left."""
    _pages_of(shop, 10)
    _lists(shop, *({"id": f"s-{n:02}", "phones": [new_number()]} for n in range(30)))
    _lists(shop, *({"id": f"t-{n}", "groups": ["a", "b"]} for n in range(6)))
    _sync(shop)
    for n in range(6):
        _gone(shop, f"t-{n}")
    _lists(shop, *({"id": f"s-{n:02}", "phones": [new_number()]} for n in range(0, 30, 2)))
    job_id = _start(shop)
    (row,) = _rows(shop, "run")
    monkeypatch.setattr(read_source, "_BEGINS_WITHIN", timedelta(0))
    ends = itertools.cycle((timedelta(0), timedelta(milliseconds=30), timedelta(hours=1)))
    slices = 0
    while _job(shop, job_id)["state"] not in ("done", "failed"):
        monkeypatch.setattr(read_source, "_ENDS_WITHIN", next(ends))
        shop.world.run_task(row)
        slices += 1
        assert slices < 200
    job = _job(shop, job_id)
    assert job["result"] == {"groups": 0, "left": 6, "complete": True, "reason": None}
    assert (job["updated"], _skipped(job)) == (15, {"unchanged": 15})
    assert slices > 5
    settle(shop.world)
    assert _groups_of(shop) == {}
