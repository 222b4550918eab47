"""Groups follow shoppers and consent: what a marketer is shown, through the real handlers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.group_rows import assert_agrees
from tests.world.shop import Shop, new_number


def save(shop: Shop, shopper_id: str, *phones: str, **data: Any) -> None:
    """Let the shop save a shopper, and everything that follows happen."""
    answer = shop.connect("PUT", f"/shoppers/{shopper_id}", {"phones": list(phones), **data})
    assert answer["statusCode"] in (200, 201), answer
    shop.world.pump()


def listed(shop: Shop, query: str = "") -> dict[str, tuple[int, int, int]]:
    """Return total shoppers, opted-in shoppers and textable numbers by group."""
    answer = shop.admin("GET", f"/groups{query}")
    assert answer["statusCode"] == 200, answer
    names = ("total_shoppers", "opted_in_shoppers", "textable_numbers")
    items = shop.world.body(answer)["items"]
    return {item["group_id"]: tuple(item[name] for name in names) for item in items}


def recap(shop: Shop, groups: Sequence[str]) -> int:
    answer = shop.admin("POST", "/groups/recap", {"group_ids": list(groups)})
    assert answer["statusCode"] == 200, answer
    return int(shop.world.body(answer)["textable_numbers"])


@pytest.fixture(autouse=True)
def _figures_agree(shop: Shop) -> Any:
    """After every test here: counters, rows and contributions say the same."""
    yield
    assert_agrees(shop.world.rows())


def text(shop: Shop, number: str, words: str) -> None:
    shop.texts(number, words)
    shop.world.pump()


def test_a_group_appears_with_the_first_opt_in_and_vanishes_with_the_last_opt_out(
    shop: Shop,
) -> None:
    """TEA-06: a shopper counts if one of her numbers is opted in; `pending` does not count."""
    one, two = new_number(), new_number()
    save(shop, "s-1", one, two, groups=["vip"])
    assert listed(shop) == {}
    asked = {"event_id": "e1", "action": "opt_in", "channel": "sms", "via": "pos", "point": one}
    shop.connect("POST", "/consents", asked)
    shop.world.pump()
    assert shop.consent(one) == "pending"
    assert listed(shop) == {}
    text(shop, one, "JOIN")
    assert listed(shop) == {"vip": (1, 1, 1)}
    text(shop, two, "JOIN")
    assert listed(shop) == {"vip": (1, 1, 2)}
    text(shop, one, "STOP")
    assert listed(shop) == {"vip": (1, 1, 1)}
    text(shop, two, "STOP")
    assert listed(shop) == {}
    assert listed(shop, "?all=true") == {"vip": (1, 0, 0)}
    text(shop, two, "UNSTOP")
    assert listed(shop) == {"vip": (1, 1, 1)}


def test_all_members_are_counted(shop: Shop) -> None:
    """TEA-07: opted in or not, with or without a phone; not the phones."""
    number = new_number()
    save(shop, "s-1", number, new_number(), groups=["vip", "vip"])
    save(shop, "s-2", groups=["vip"], email="ana@example.com")
    save(shop, "s-3", new_number(), groups=["vip"], guest=True)
    save(shop, "s-4", new_number(), groups=["other"])
    text(shop, number, "JOIN")
    assert listed(shop) == {"vip": (3, 1, 1)}
    save(shop, "s-2", groups=[], email="ana@example.com")
    assert listed(shop) == {"vip": (2, 1, 1)}


def test_the_recap_counts_each_number_once(shop: Shop) -> None:
    """TEA-08: shared by two shoppers or by two groups; of three numbers, the two opted in."""
    one, two, out, shared = (new_number() for _ in range(4))
    save(shop, "s-1", one, two, out, groups=["vip", "news"])
    save(shop, "s-2", shared, one, groups=["news"])
    save(shop, "s-3", shared, groups=["wine"])
    for number in (one, two, shared):
        text(shop, number, "JOIN")
    assert listed(shop) == {"news": (2, 2, 3), "vip": (1, 1, 2), "wine": (1, 1, 1)}
    assert recap(shop, ["vip"]) == 2
    assert recap(shop, ["vip", "vip"]) == 2
    assert recap(shop, ["vip", "wine"]) == 3
    assert recap(shop, ["vip", "news"]) == 3
    assert recap(shop, ["vip", "news", "wine"]) == 3
    text(shop, one, "STOP")
    assert recap(shop, ["vip", "news"]) == 2


def test_a_choice_of_nothing_or_of_strangers_is_told(shop: Shop) -> None:
    """TEA-05, TEA-08: 0 groups are 422, and so is one that is not there."""
    for groups, field in (([], "group_ids"), (["nobody"], "group_ids.0")):
        answer = shop.admin("POST", "/groups/recap", {"group_ids": groups})
        assert answer["statusCode"] == 422
        assert [each["field"] for each in shop.world.body(answer)["errors"]] == [field]


def test_the_list_is_paged(shop: Shop) -> None:
    """TEA-06."""
    number = new_number()
    save(shop, "s-1", number, groups=[f"g{n}" for n in range(5)])
    text(shop, number, "JOIN")
    seen, query = [], "?limit=2"
    while query:
        page = shop.world.body(shop.admin("GET", f"/groups{query}"))
        seen.append([item["group_id"] for item in page["items"]])
        query = page["cursor"] and f"?limit=2&cursor={page['cursor']}"
    assert seen == [["g0", "g1"], ["g2", "g3"], ["g4"]]


def test_a_save_that_names_no_groups_leaves_them_alone(shop: Shop) -> None:
    """TEA-07: absent is not empty."""
    number = new_number()
    save(shop, "s-1", number, groups=["vip"])
    text(shop, number, "JOIN")
    save(shop, "s-1", number, first_name="Ana")
    save(shop, "s-1", number, first_name="Anna", groups=None)
    assert listed(shop) == {"vip": (1, 1, 1)}
    save(shop, "s-1", number, groups=[])
    assert listed(shop, "?all=true") == {"vip": (0, 0, 0)}


def test_a_shopper_who_leaves_her_shop_leaves_its_groups(shop: Shop) -> None:
    """TEA-06, TEA-07: and is back with the next save, opted out as she is."""
    number = new_number()
    save(shop, "s-1", number, groups=["vip"])
    text(shop, number, "JOIN")
    assert shop.connect("DELETE", "/shoppers/s-1")["statusCode"] == 200
    shop.world.pump()
    assert listed(shop, "?all=true") == {"vip": (0, 0, 0)}
    save(shop, "s-1", number)
    assert listed(shop, "?all=true") == {"vip": (1, 0, 0)}


def test_a_number_that_changes_hands_counts_where_it_is(shop: Shop) -> None:
    """TEA-08."""
    number, other = new_number(), new_number()
    save(shop, "s-1", number, groups=["vip"])
    text(shop, number, "JOIN")
    save(shop, "s-2", number, other, groups=["news"])
    save(shop, "s-1", other, groups=["vip"])
    assert listed(shop, "?all=true") == {"news": (1, 1, 1), "vip": (1, 0, 0)}


def test_an_address_tells_where_she_lives(shop: Shop) -> None:
    """R-01: the row of her number says so, and follows when she moves."""
    number = new_number()
    address = {"attributes": {"address": {"country": "US", "state": "FL"}}}
    save(shop, "s-1", number, groups=["vip"], **address)
    text(shop, number, "JOIN")
    [row] = shop.world.rows("GN#")
    assert row["region"] == "US-FL"
    save(shop, "s-1", number, groups=["vip"], attributes={"region": "US-GA"})
    [moved] = shop.world.rows("GN#")
    assert (moved["region"], moved["since"]) == ("US-GA", row["since"])


def test_what_changes_no_group_asks_for_no_look(shop: Shop) -> None:
    """Promise 5: a name, a repeat, a STOP of a number that could not be texted anyway."""
    number = new_number()
    save(shop, "s-1", number, groups=["vip"])

    def asked() -> list[str]:
        return [row["task_id"] for row in shop.world.rows("TB#") if "regroup" in row["pk"]]

    shop.connect("PUT", "/shoppers/s-1", {"phones": [number], "groups": ["vip"], "first_name": "A"})
    shop.texts(number, "STOP")
    shop.texts(number, "JOIN")
    assert asked() == []
    shop.texts(number, "UNSTOP")
    assert len(asked()) == 1
    shop.texts(number, "UNSTOP")
    assert len(asked()) == 1
    shop.world.pump()


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_name_that_no_group_can_have_is_refused(shop: Shop, name: str) -> None:
    answer = shop.connect("PUT", "/shoppers/s-1", {"groups": ["vip", name]})
    assert answer["statusCode"] == 422
    assert "groups" in answer["body"]


def test_an_opt_out_at_a_connection_that_is_over_reaches_the_next_ones_groups(shop: Shop) -> None:
    """TEA-01, TEA-06: the account is the same, and so is the consent."""
    house, number = shop.world, new_number()
    text(shop, number, "JOIN")
    assert shop.admin("POST", "/state", {"state": "disconnected"})["statusCode"] == 200
    house.cold()
    again = house.shop()
    save(again, "s-1", number, groups=["vip"])
    assert listed(again) == {"vip": (1, 1, 1)}
    out = {"event_id": "e2", "action": "opt_out", "channel": "sms", "via": "pos", "point": number}
    assert shop.connect("POST", "/consents", out)["statusCode"] == 200
    house.pump()
    assert listed(again) == {}
