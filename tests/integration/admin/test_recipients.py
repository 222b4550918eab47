""".../recipients and .../why: what became of each number of a broadcast, and why (L-02)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from concord.domain.broadcast import Broadcast
from tests.world.sending import morning, opted_in, planned, task_of
from tests.world.shop import Shop
from tests.world.signing import signed_inbound
from tests.world.world import World


@pytest.fixture(autouse=True)
def legal(house: World) -> None:
    morning(house)


def stop(shop: Shop, number: str) -> None:
    path = shop.webhooks["text_em_all"].split("/test", 1)[1]
    now = shop.world.clock.now()
    signed = signed_inbound(shop.webhook_secret, number, shop.text_number, "STOP", at=now)
    assert shop.world.receive(path, *signed)["statusCode"] == 204


def ask(shop: Shop, broadcast: Broadcast, what: str, body: Any = None) -> dict[str, Any]:
    path = f"/broadcasts/{broadcast.broadcast_id}/{what}"
    answer = shop.admin("POST" if body else "GET", path, body)
    assert answer["statusCode"] == 200, answer
    return shop.world.body(answer)


def listed(shop: Shop, broadcast: Broadcast, **query: str) -> list[dict[str, Any]]:
    """Return all recipients, three a page."""
    path = f"/v1/connections/{shop.connection_id}/broadcasts/{broadcast.broadcast_id}/recipients"
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = shop.world.admin("GET", f"{path}?{urlencode({'limit': 3, **query, **cursor})}")
        assert answer["statusCode"] == 200, answer
        page = shop.world.body(answer)
        items += page["items"]
        if not page["cursor"]:
            return items
        cursor = {"cursor": page["cursor"]}


def test_each_recipient_is_listed_once_with_her_decision(house: World, shop: Shop) -> None:
    """L-02, TEA-09: consent event, rules, local time; also of who opted out in between."""
    numbers = opted_in(shop, 8)
    broadcast = planned(shop, numbers, bulk=False, slice_size=4)
    gone = numbers[0]
    stop(shop, gone)
    house.sandbox.fault(platform="text_em_all", method="POST", status=503, times=1)
    house.run_task(task_of(broadcast))
    items = listed(shop, broadcast)
    assert sorted(item["point"] for item in items) == sorted(numbers)
    by_number = {item["point"]: item for item in items}
    stopped = by_number[gone]
    assert (stopped["outcome"], stopped["reason"]) == ("skipped", "opted_out_after_queue")
    events = house.body(shop.admin("GET", f"/consents/sms/{gone.replace('+', '%2B')}"))["events"]
    assert stopped["consent_event_id"] == events[-1]["consent_event_id"]
    sent = [item for item in items if item["outcome"] == "sent"]
    waiting = [item for item in items if item["outcome"] == "pending"]
    assert sent
    assert waiting
    assert len(sent) + len(waiting) == 7
    assert all(item["consent_event_id"] and item["message_id"] for item in sent)
    assert all("us-federal-hours" in item["rules"] for item in sent)
    assert all(item["local"] == ["America/New_York 11:00"] for item in sent)
    assert listed(shop, broadcast, outcome="skipped") == [stopped]
    assert listed(shop, broadcast, outcome="sent") == sent


def test_why_a_text_was_sent(house: World, shop: Shop) -> None:
    """L-02, L-09: which consent event, and each rule with its source."""
    (number,) = opted_in(shop, 1)
    broadcast = planned(shop, [number], bulk=False)
    house.pump()
    why = ask(shop, broadcast, "why", {"point": number})
    assert (why["outcome"], why["reason"]) == ("sent", None)
    assert why["rules"] == ["us-federal-hours"]
    told = " ".join(why["explanation"])
    assert f"Consent {why['consent_event_id']}: opted_in (explicit)" in told
    assert "it was 11:00 in America/New_York" in told
    assert "The text was handed over." in told
    assert "us-federal-hours (US): texts" in told
    assert "Source: " in told


def test_why_a_cap_stopped_a_text(house: World, shop: Shop) -> None:
    """L-02, L-09, R-02: which cap it was, as it stood that day; and it is named where it had
    room."""
    merchant = {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"}
    path = f"/v1/merchants/{shop.merchant_id}"
    capped = {**merchant, "frequency_cap": {"texts": 1, "days": 7}}
    assert house.admin("PUT", path, capped)["statusCode"] == 200
    (number,) = opted_in(shop, 1)
    first, second = (planned(shop, [number], regions={0: "US-FL"}) for _ in range(2))
    house.run_task(task_of(first))
    house.run_task(task_of(second))
    capped = {**merchant, "frequency_cap": {"texts": 5, "days": 30}}
    assert house.admin("PUT", path, capped)["statusCode"] == 200
    caps = ["merchant-cap-1-in-7-days", "us-fl-cap-2021"]
    allowed, why = (ask(shop, each, "why", {"point": number}) for each in (first, second))
    assert allowed["rules"] == ["us-federal-hours", "us-fl-hours-2021", *caps]
    assert (why["outcome"], why["reason"], why["rules"]) == ("skipped", "capped", caps)
    told = " ".join(why["explanation"])
    assert "merchant-cap-1-in-7-days: at most 1 text in 168 hours, the merchant's own." in told
    assert "us-fl-cap-2021 (US-FL): at most 3 texts in 24 hours" in told


def test_why_a_text_waited_and_then_was_stopped(house: World, shop: Shop) -> None:
    """R-01, L-02: every step of it, in order."""
    house.clock.advance(timedelta(hours=11))  # ten at night
    (number,) = opted_in(shop, 1)
    broadcast = planned(shop, [number], bulk=False)
    house.run_task(task_of(broadcast))
    asleep = ask(shop, broadcast, "why", {"point": number})
    assert asleep["outcome"] == "pending"
    assert any("It was not a legal hour" in sentence for sentence in asleep["explanation"])
    stop(shop, number)
    house.clock.advance(timedelta(hours=12))
    (waiting,) = (r for r in house.rows("TS#") if "-q" in r["pk"])
    house.run_task({"pk": waiting["pk"], "sk": waiting["sk"]})
    why = ask(shop, broadcast, "why", {"point": number})
    assert (why["outcome"], why["reason"]) == ("skipped", "opted_out_after_queue")
    legal = next(n for n, s in enumerate(why["explanation"]) if "legal hour" in s)
    out = next(n for n, s in enumerate(why["explanation"]) if "opted out when her turn" in s)
    assert legal < out
    assert [item["outcome"] for item in listed(shop, broadcast)] == ["skipped"]


def test_why_a_number_got_nothing_at_all(house: World, shop: Shop) -> None:
    """L-02: a number that is in no chunk."""
    inside, outside = opted_in(shop, 2)
    broadcast = planned(shop, [inside], bulk=False)
    why = ask(shop, broadcast, "why", {"point": outside})
    assert (why["outcome"], why["consent_event_id"]) == ("not_in_audience", None)
    assert "was not in the audience, which was fixed at" in why["explanation"][0]
    assert why["explanation"][1] == "Today its state is opted_in."


@pytest.mark.parametrize("what", ["recipients", "why"])
def test_a_broadcast_of_nobody_is_not_found(house: World, shop: Shop, what: str) -> None:
    """R-32."""
    path = f"/broadcasts/20200101t000000-00000000/{what}"
    body = {"point": "+12125550100"} if what == "why" else None
    answer = shop.admin("POST" if body else "GET", path, body)
    assert answer["statusCode"] == 404
