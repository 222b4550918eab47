"""A programme whose members are exported to many lists: each posting still fits its transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from concord.services.tell_of_points import MOST_TOLD
from tests.world.exporting import exporting
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.world import World


@pytest.mark.parametrize("lists", [1, MOST_TOLD, 12])
def test_points_move_however_many_lists_there_are(house: World, lists: int) -> None:
    """R-20, ECO-15: what is too much for a transaction would hold up orders, adjustments and the
    night for ever; so many are told, the same each time."""
    loyalty = Loyalty(house, notice_days=3)
    loyalty.becomes(loyalty.today + ONE_DAY)
    loyalty.night()
    for number in range(lists):
        loyalty.listens(f"list{number:02}")
    for number in range(3):
        last_day = loyalty.today + timedelta(days=9 + number)
        loyalty.waits("ann", 5, loyalty.today + ONE_DAY, last_day, f"o-{number}")
    loyalty.earns("ann", 7, loyalty.today)
    loyalty.earns("bob", 4, loyalty.today + 4 * ONE_DAY)
    path = "/v1/merchants/m1/programmes/main/accounts/eve/adjustments"
    answer = house.admin("POST", path, {"amount": 50, "reason": "r", "actor": "a"})
    assert answer["statusCode"] == 201
    told = {row["connection_id"] for row in house.rows("TB#")}
    assert told == {f"m1.list{number:02}" for number in range(min(lists, MOST_TOLD))}
    loyalty.nights(1)
    assert loyalty.account("ann").balance == 15
    assert loyalty.told("bob") == {(loyalty.today + 3 * ONE_DAY).isoformat(): 3}
    assert loyalty.through() == loyalty.today.isoformat()


def test_one_list_more_than_a_programme_tells_is_refused(house: World) -> None:
    """R-32, ECO-02: 422 names the setting and what to do; one that was taken off leaves room."""
    shop = exporting(house)
    loyalty = Loyalty.of(house, shop.merchant_id, "Europe/Prague")
    others = [loyalty.listens(f"list{number}", "beans") for number in range(MOST_TOLD - 1)]
    last = loyalty.listens("last", None)

    def names(connection_id: str, programme: str | None) -> dict[str, Any]:
        body = {"settings": {"programme": programme}}
        return house.admin("PATCH", f"/v1/connections/{connection_id}", body)

    refused = names(last, "beans")
    assert refused["statusCode"] == 422
    [error] = house.body(refused)["errors"]
    assert error["field"] == "settings.programme"
    assert str(MOST_TOLD) in error["message"]
    assert names(others[0], "beans")["statusCode"] == 200, "it is one of them"
    assert names(others[0], None)["statusCode"] == 200
    assert names(last, "beans")["statusCode"] == 200
