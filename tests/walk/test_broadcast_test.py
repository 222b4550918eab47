"""A test send: the real text, to opted-in numbers only, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world.campaign import Campaign, point_id
from tests.world.shop import Shop, new_number


@pytest.fixture(name="draft")
def _draft(shop: Shop) -> str:
    """Return the path of a draft for a group of one."""
    Campaign(shop).joins("vip", [point_id("somebody")])
    return f"/broadcasts/{Campaign(shop).draft('vip').broadcast_id}"


def _opted_in(shop: Shop) -> str:
    number = new_number()
    shop.texts(number, "JOIN")
    shop.world.pump()
    return number


def _test(shop: Shop, draft: str, to: list[str], key: str = "") -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/v1/connections/{shop.connection_id}{draft}/test"
    return shop.world.admin("POST", path, {"to": to}, headers=headers)


def test_the_real_text_reaches_who_opted_in(shop: Shop, draft: str) -> None:
    """R-11: with the line that the law adds, in its own words; and it is audited."""
    number = _opted_in(shop)
    before = len(shop.inbox_of(number))
    answer = _test(shop, draft, [number, number])
    assert answer["statusCode"] == 200
    assert len(shop.world.body(answer)["texts"]) == 1
    shop.world.pump()
    texts = shop.inbox_of(number)[before:]
    assert texts == ["Sale today!\nReply STOP to opt out"]
    audit = shop.world.body(shop.admin("GET", "/audit"))["items"][0]
    assert audit["action"] == "broadcast_tested"
    assert number not in str(audit)


@pytest.mark.parametrize("said", ["", "STOP"])
def test_nobody_else_is_tested_on(shop: Shop, draft: str, said: str) -> None:
    """TEA-09, R-11: a test is no way past consent; the number is not repeated, and of those beside
    it nobody is texted either."""
    other, number = _opted_in(shop), new_number()
    if said:
        shop.texts(number, said)
        shop.world.pump()
    texts = len(shop.world.rows("TU#"))
    answer = _test(shop, draft, [other, number])
    problem = shop.world.body(answer)
    assert (answer["statusCode"], problem["code"]) == (403, "not_opted_in")
    assert problem["field"] == "to.1"
    assert number not in str(problem)
    assert len(shop.world.rows("TU#")) == texts


def test_a_stop_on_the_way_beats_the_test(shop: Shop, draft: str) -> None:
    """TEA-09: consent is read again at the hand-over."""
    number = _opted_in(shop)
    assert _test(shop, draft, [number])["statusCode"] == 200
    shop.texts(number, "STOP")
    shop.world.pump()
    assert not [t for t in shop.inbox_of(number) if "Sale" in t]


def test_one_keyed_request_is_one_text(shop: Shop, draft: str) -> None:
    """R-10: repeated before and after it was sent, also when its answer was not remembered."""
    number = _opted_in(shop)
    first = _test(shop, draft, [number], "k-1")
    for row in shop.world.rows("K#"):
        shop.world.dynamodb.delete_item(
            TableName="concord-test", Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}}
        )
    shop.world.pump()
    assert shop.world.body(_test(shop, draft, [number], "k-1")) == shop.world.body(first)
    shop.world.pump()
    assert len([t for t in shop.inbox_of(number) if "Sale" in t]) == 1


@pytest.mark.parametrize("to", [[], ["+15550100001"] * 4, ["twelve"]])
def test_a_test_is_for_a_few_numbers(shop: Shop, draft: str, to: list[str]) -> None:
    """R-11: one to three."""
    assert _test(shop, draft, to)["statusCode"] == 422


def test_what_is_no_number_is_named_by_its_place(shop: Shop, draft: str) -> None:
    """R-11: three were typed, one of them wrong: which."""
    answer = _test(shop, draft, [_opted_in(shop), "twelve"])
    problem = shop.world.body(answer)
    assert (answer["statusCode"], problem["code"]) == (422, "invalid_phone")
    assert [error["field"] for error in problem["errors"]] == ["to.1"]


@pytest.mark.parametrize("state", ["paused", "disconnected"])
def test_only_a_connected_one_tests(shop: Shop, draft: str, state: str) -> None:
    """TEA-01: 409, and no text."""
    number = _opted_in(shop)
    shop.move(state)
    answer = _test(shop, draft, [number])
    assert (answer["statusCode"], shop.world.body(answer)["code"]) == (
        409,
        "connection_not_connected",
    )
