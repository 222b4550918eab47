"""The preview, and the send that has to come to the same (L-04)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from concord.adapters.dynamodb.groups import DynamoDbContributions
from concord.domain.identity import Channel, point_id
from concord.domain.regroup import Act, Change, Contribution
from concord.services import plan_broadcast, preview_broadcast
from tests.world.campaign import Campaign
from tests.world.campaign import point_id as nobodys
from tests.world.faults import VISIBILITY, Killed, Wire, kill_at
from tests.world.sending import morning, opted_in
from tests.world.shop import Shop

TEXT = "Peaches today."


@pytest.fixture(name="campaign")
def _campaign(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Return a shop on a Monday at eleven in New York; chunks of ten."""
    for module in (plan_broadcast, preview_broadcast):
        monkeypatch.setattr(module, "CHUNK_SIZE", 10)
    morning(shop.world)
    return Campaign(shop)


def _points(shop: Shop, numbers: Sequence[str]) -> list[str]:
    key = shop.world.parts.secrets.stack_key()
    return [point_id(key, shop.merchant_id, Channel.SMS, number) for number in numbers]


def _created(shop: Shop, *groups: str, **more: Any) -> str:
    body = {"name": "Peaches", "group_ids": list(groups), "text": TEXT, **more}
    answer = shop.admin("POST", "/broadcasts", body)
    assert answer["statusCode"] == 201, answer
    return f"/broadcasts/{shop.world.body(answer)['broadcast_id']}"


def _counted(shop: Shop, *groups: str) -> None:
    """Let the listing count the groups, which campaigns put rows into past the counters."""
    for place, group in enumerate(groups):
        nothing = Contribution(shop.merchant_id, shop.connection_id, f"{place:032x}")
        changes = (Change(Act.JOIN, group), Change(Act.ADD, group, f"v1.{'0' * 63}{place}"))
        long_ago = shop.world.clock.now() - timedelta(days=1)
        step = DynamoDbContributions(shop.world.parts.table).step
        assert step(nothing, changes, long_ago)


def _previewed(shop: Shop, broadcast: str) -> dict[str, Any]:
    answer = shop.admin("POST", f"{broadcast}/preview")
    assert answer["statusCode"] == 202, answer
    path = f"/v1/jobs/{shop.world.body(answer)['job_id']}"
    for _ in range(20):
        shop.world.pump()
        for row in shop.world.rows("TP#"):
            shop.world.run_task({"pk": row["pk"], "sk": row["sk"]})
        job = shop.world.body(shop.world.admin("GET", path))
        if job["state"] == "done":
            result: dict[str, Any] = job["result"]
            assert job["done"] == job["total"] == result["recipients"]
            return result
    raise AssertionError(f"the preview never ended: {job}")


def _sent(shop: Shop, broadcast: str) -> dict[str, Any]:
    """Send it, let the hours go by, and return what it was in the end."""
    assert shop.admin("POST", f"{broadcast}/send")["statusCode"] == 200
    for _ in range(30):
        shop.world.pump()
        shown = shop.world.body(shop.admin("GET", broadcast))
        if shown["state"] == "finished":
            return dict(shown)
        shop.world.clock.advance(timedelta(minutes=20))
        shop.world.sweep()
    raise AssertionError(f"it never ended: {shown}")


def _cap(shop: Shop, **cap: int) -> None:
    merchant = {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"}
    body = {**merchant, "frequency_cap": cap}
    assert shop.world.admin("PUT", f"/v1/merchants/{shop.merchant_id}", body)["statusCode"] == 200


def test_the_send_comes_to_what_the_preview_said(campaign: Campaign) -> None:
    """L-04, R-11, TEA-08: two groups that overlap, stale rows, numbers nobody knows, quiet hours,
    a cap that others have used up: each recipient as it was reckoned."""
    shop = campaign.shop
    numbers = opted_in(shop, 30)
    points = _points(shop, numbers)
    _cap(shop, texts=1, days=30)
    campaign.joins("before", points[:4])
    campaign.joins("east", points[:20])
    campaign.joins("west", points[15:26])
    campaign.joins("west", points[26:], "US-HI")  # six in the morning there
    campaign.joins("west", [nobodys("never seen")])
    _counted(shop, "before", "east", "west")
    assert _sent(shop, _created(shop, "before"))["sent"] == 4
    morning(shop.world)
    for number in numbers[4:7]:
        told = {"event_id": number, "action": "opt_out", "channel": "sms", "via": "pos"}
        assert shop.connect("POST", "/consents", {**told, "point": number})["statusCode"] == 200

    broadcast = _created(shop, "east", "west")
    said = _previewed(shop, broadcast)
    # Two more that nobody knows: the rows that make the groups count.
    assert said["excluded"] == {"capped": 4, "not_opted_in": 3, "opted_out_after_queue": 3}
    assert (said["recipients"], said["texts"], said["texts_at_once"]) == (33, 23, 19)
    assert [each["recipients"] for each in said["waiting"]] == [4]

    came = _sent(shop, broadcast)
    found = {"recipients": came["audience"], "texts": came["sent"], "excluded": came["skipped"]}
    difference = {name: (said[name], n) for name, n in found.items() if said[name] != n}
    sys.stdout.write(f"preview and result differ in: {difference or 'nothing'}\n")
    assert not difference
    assert came["uncertain"] == 0


def test_who_waits_is_promised_what_her_morning_brings(campaign: Campaign) -> None:
    """L-04, R-01, R-02: a cap that another broadcast has filled stops whoever waits as well."""
    shop = campaign.shop
    points = _points(shop, opted_in(shop, 6))
    _cap(shop, texts=1, days=7)
    campaign.joins("before", points[:4], "US-HI")
    campaign.joins("all", points, "US-HI")
    _counted(shop, "before", "all")
    shop.world.clock.advance(timedelta(hours=3))  # nine in the morning there
    assert _sent(shop, _created(shop, "before"))["sent"] == 4
    shop.world.clock.advance(timedelta(hours=20))  # five

    broadcast = _created(shop, "all")
    said = _previewed(shop, broadcast)
    came = _sent(shop, broadcast)
    assert (said["recipients"], said["texts"]) == (came["audience"], came["sent"])
    assert said["excluded"] == came["skipped"] == {"capped": 4, "not_opted_in": 1}
    assert [each["recipients"] for each in said["waiting"]] == [2]


def test_how_far_it_is_tells_who_waits_and_until_when(campaign: Campaign) -> None:
    """R-01, R-11: a broadcast at rest says that it waits for morning, and is not about to end."""
    shop = campaign.shop
    points = _points(shop, opted_in(shop, 5))
    campaign.joins("all", points[:3])
    campaign.joins("all", points[3:], "US-HI")
    _counted(shop, "all")
    broadcast = _created(shop, "all")
    said = _previewed(shop, broadcast)
    assert shop.admin("POST", f"{broadcast}/send")["statusCode"] == 200
    shop.world.pump()
    shown = shop.world.body(shop.admin("GET", broadcast))
    assert (shown["sent"], shown["waiting"]) == (3, 2)
    assert shown["waits_until"] == [{"until": "2026-11-23T18:00:00Z", "recipients": 2}]
    assert shown["expected_finish"][:18] == said["expected_finish"][:18]
    over = _sent(shop, broadcast)
    assert (over["waits_until"], over["expected_finish"]) == ([], None)


def test_a_preview_changes_nothing(campaign: Campaign) -> None:
    """R-11: nobody is texted, no cap is booked, no chunk is made; but it is audited."""
    shop = campaign.shop
    numbers = opted_in(shop, 3)
    _cap(shop, texts=1, days=7)
    campaign.joins("east", _points(shop, numbers))
    _counted(shop, "east")
    broadcast = _created(shop, "east")
    first = _previewed(shop, broadcast)
    assert first["texts"] == 3
    assert _previewed(shop, broadcast) | {"starts_at": 0, "expected_finish": 0} == first | {
        "starts_at": 0,
        "expected_finish": 0,
    }
    assert not any(shop.inbox_of(number) for number in numbers)
    for prefix in ("BC#", "BT#", "TS#", "CAP#"):
        assert not shop.world.rows(prefix), prefix
    assert shop.world.body(shop.admin("GET", broadcast))["state"] == "draft"
    audit = shop.world.body(shop.admin("GET", "/audit"))["items"][0]
    assert audit["action"] == "broadcast_previewed"


def test_a_large_audience_is_reckoned_in_parts(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-11: each part goes on where the one before stopped; nobody is counted twice."""
    shop = campaign.shop
    campaign.joins("east", _points(shop, opted_in(shop, 35)))
    _counted(shop, "east")
    broadcast = _created(shop, "east")
    whole = _previewed(shop, broadcast)
    monkeypatch.setattr(preview_broadcast, "_WORKS", timedelta(seconds=-1))
    parts = _previewed(shop, broadcast)
    moving = ("starts_at", "expected_finish")
    assert {n: v for n, v in parts.items() if n not in moving} == {
        n: v for n, v in whole.items() if n not in moving
    }


def test_a_preview_of_a_scheduled_one_is_about_its_moment(campaign: Campaign) -> None:
    """R-11, R-01: at nine in the evening nobody there may be texted at once."""
    shop = campaign.shop
    campaign.joins("east", _points(shop, opted_in(shop, 3)))
    _counted(shop, "east")
    evening = shop.world.clock.now() + timedelta(hours=10, minutes=30)
    said = _previewed(shop, _created(shop, "east", send_at=evening.isoformat()))
    assert (said["texts"], said["texts_at_once"]) == (3, 0)
    assert said["starts_at"][:16] == evening.isoformat()[:16]
    [waiting] = said["waiting"]
    assert waiting["local_start"] == "08:00 America/New_York"


def test_a_preview_knows_that_a_call_lasts(campaign: Campaign) -> None:
    """L-04, R-01: a call that begins a moment before nine would last into the night."""
    shop = campaign.shop
    campaign.joins("east", _points(shop, opted_in(shop, 9)))
    _counted(shop, "east")
    nine = shop.world.clock.now().replace(microsecond=0) + timedelta(hours=10)
    almost = nine.replace(minute=0, second=0) - timedelta(milliseconds=200)
    said = _previewed(shop, _created(shop, "east", send_at=almost.isoformat()))
    assert (said["texts"], said["texts_at_once"]) == (9, 0)
    assert _previewed(shop, _created(shop, "east"))["texts_at_once"] == 9


def test_what_has_started_has_figures_of_its_own(campaign: Campaign) -> None:
    """R-11: 409, and the way to them."""
    shop = campaign.shop
    campaign.joins("east", _points(shop, opted_in(shop, 1)))
    _counted(shop, "east")
    broadcast = _created(shop, "east")
    _sent(shop, broadcast)
    answer = shop.admin("POST", f"{broadcast}/preview")
    assert (answer["statusCode"], shop.world.body(answer)["code"]) == (409, "already_started")


@pytest.mark.parametrize("state", ["paused", "disconnected"])
def test_only_a_connected_one_previews(campaign: Campaign, state: str) -> None:
    """TEA-01: 409, and no job."""
    broadcast = f"/broadcasts/{campaign.draft('east').broadcast_id}"
    campaign.shop.move(state)
    answer = campaign.shop.admin("POST", f"{broadcast}/preview")
    assert answer["statusCode"] == 409
    assert not campaign.house.rows("J#")


def test_killed_at_any_request_it_comes_to_the_same(campaign: Campaign) -> None:
    """R-11: a preview that dies is reckoned again from where it was kept."""
    shop, house = campaign.shop, campaign.house
    campaign.joins("east", _points(shop, opted_in(shop, 12)))
    _counted(shop, "east")
    broadcast, wire = _created(shop, "east"), Wire(house)
    expected = _previewed(shop, broadcast)

    def killed(**hooks: Any) -> list[str]:
        shop.admin("POST", f"{broadcast}/preview")
        house.relay()
        campaign.queued("plan")
        [row] = campaign.calls()
        house.cold()
        with wire.failing(**hooks), suppress(Killed):
            house.run_task(row)
            return wire.names
        house.clock.advance(VISIBILITY)
        house.cold()
        house.run_task(row, 2)
        return []

    steps = killed()
    assert len(steps) > 5
    for number in range(1, len(steps) + 1):
        assert killed(after=kill_at(number)) == []
        jobs = [json.loads(row["body"]) for row in house.rows("J#")]
        newest = max(jobs, key=lambda job: str(job["created_at"]))
        moving = {"starts_at": 0, "expected_finish": 0}
        assert newest["found"] | moving == expected | moving, f"after {steps[number - 1]}"
