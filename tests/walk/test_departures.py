"""Shoppers who leave: what their shop is told, and what a later save makes of a late departure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.world.faults import Wire, away, open_tasks, settle
from tests.world.shop import Shop, new_number

PER_SHOPPER = "/accounts/{account_id}/shoppers/{shopper_id}/text-consent"


def _saved(shop: Shop, **data: Any) -> int:
    return int(shop.connect("PUT", "/shoppers/s-1", data)["statusCode"])


def _active(shop: Shop) -> bool:
    [row] = shop.world.rows("S#")
    return bool(row["active"])


@pytest.fixture
def leaves_late(shop: Shop) -> tuple[Shop, str]:
    """Return a shop, and the number of a shopper whose departure waits in the safety queue."""
    number, wire = new_number(), Wire(shop.world)
    assert _saved(shop, first_name="Ana", phones=[number], email="ana@example.com") == 201
    shop.world.clock.advance(timedelta(minutes=1))
    with wire.failing(away("dynamodb")):
        assert shop.connect("DELETE", "/shoppers/s-1")["statusCode"] == 503
    shop.world.clock.advance(timedelta(seconds=10))
    return shop, number


def test_a_later_save_outlives_a_rescued_departure(leaves_late: tuple[Shop, str]) -> None:
    """TEA-19: she came back with another number before the departure came home."""
    shop, old = leaves_late
    new = new_number()
    assert _saved(shop, first_name="Ana", phones=[new], email="ana@example.com") == 200
    shop.texts(new, "JOIN")

    assert shop.world.rescue() == 1

    assert _active(shop)
    assert shop.consent(new) == "opted_in"
    # What she had when she left is out, whether she has it still or not.
    assert shop.consent(old) == "opted_out"
    assert shop.consent("ana@example.com", "email") == "opted_out"


def test_an_overtaken_departure_counts_once(leaves_late: tuple[Shop, str]) -> None:
    """TEA-19: delivered twice, with another save in between: one record for each point."""
    shop, _ = leaves_late
    house = shop.world
    [message] = house.sqs.receive_message(QueueUrl=house.urls["safety"], VisibilityTimeout=0)[
        "Messages"
    ]
    house.sqs.send_message(QueueUrl=house.urls["safety"], MessageBody=message["Body"])
    _saved(shop, first_name="Ana", phones=[new_number()])
    assert house.rescue() == 2
    house.sqs.send_message(QueueUrl=house.urls["safety"], MessageBody=message["Body"])
    _saved(shop, first_name="Anna", phones=[new_number()])
    assert house.rescue() == 1
    assert len([row for row in house.rows("C#") if row["sk"].startswith("E#")]) == 2


def test_a_departure_that_nothing_overtook_is_one(leaves_late: tuple[Shop, str]) -> None:
    """TEA-19: late, and still her shop's newest word."""
    shop, number = leaves_late
    assert shop.world.rescue() == 1
    assert not _active(shop)
    assert shop.consent(number) == "opted_out"


def test_a_shop_that_is_told_by_shopper_hears_of_a_departure(shop: Shop) -> None:
    """TEA-11, TEA-19: she is active no more, and it is her flag that must be cleared."""
    number = new_number()
    settings = {"paths": {"set_consent": PER_SHOPPER}}
    patched = shop.admin("PATCH", "", {"source": {"settings": settings}})
    assert patched["statusCode"] == 200
    shop.world.cold()
    assert _saved(shop, first_name="Ana", phones=[number]) == 201
    shop.texts(number, "JOIN")
    settle(shop.world)
    shop.world.sandbox.post("/_reset")
    shop.world.sandbox.fault(platform="catapult", method="PUT", status=204)

    assert shop.connect("DELETE", "/shoppers/s-1")["statusCode"] == 200
    settle(shop.world)

    [told] = [c for c in shop.world.sandbox.calls("catapult") if c["method"] == "PUT"]
    assert told["path"].endswith("/shoppers/s-1/text-consent")
    assert told["body"]["opted_in"] is False
    assert open_tasks(shop.world) == []
    assert shop.world.body(shop.admin("GET", "/reviews?kind=unmatched"))["items"] == []


def test_those_who_left_are_not_told_in_again(shop: Shop) -> None:
    """TEA-11: an opt-in goes to the shoppers that a shop has."""
    number = new_number()
    settings = {"paths": {"set_consent": PER_SHOPPER}}
    shop.admin("PATCH", "", {"source": {"settings": settings}})
    shop.world.cold()
    for name in ("s-1", "s-2"):
        shop.connect("PUT", f"/shoppers/{name}", {"phones": [number]})
    shop.connect("DELETE", "/shoppers/s-1")
    settle(shop.world)
    shop.world.sandbox.post("/_reset")
    shop.world.sandbox.fault(platform="catapult", method="PUT", status=204)

    shop.texts(number, "UNSTOP")
    settle(shop.world)
    assert shop.consent(number) == "opted_in"
    told = [c["path"] for c in shop.world.sandbox.calls("catapult") if c["method"] == "PUT"]
    assert [path.rsplit("/", 2)[1] for path in told] == ["s-2"]


def test_half_an_emoji_in_a_name_is_saved_and_known_again(shop: Shop) -> None:
    """TEA-12: legal JSON that no store takes: replaced, and the same body is the same shopper."""
    number = new_number()
    body = f'{{"first_name": "Ana \\ud83d", "groups": ["\\udc00"], "phones": ["{number}"]}}'
    path = f"/connect/{shop.connection_id}/shoppers/s-1"
    answers = [shop.world.connect("PUT", path, shop.connect_key, body) for _ in range(2)]
    assert [a["statusCode"] for a in answers] == [201, 200]
    assert shop.world.body(answers[1])["changed"] is False
    assert "Ana" in shop.world.rows("S#")[0]["profile"]


def test_a_body_that_is_too_large_is_refused(shop: Shop) -> None:
    """API: 413 over 256 KB, as everywhere."""
    assert _saved(shop, first_name="A" * 262_144) == 413
