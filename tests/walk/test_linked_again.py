"""An account that is linked again: its new peers hear what the old ones were never told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from concord.services import tell_peers
from tests.world.faults import Killed, Request, Wire, kill_at, open_tasks, platform_away, settle
from tests.world.person import Person
from tests.world.shop import Shop
from tests.world.world import World


def _told(shop: Shop, person: Person) -> tuple[Any, Any]:
    return shop.contact(person.number), shop.phones(person.id)[person.number]


def _left(house: World) -> list[dict[str, Any]]:
    return house.rows("U#")


@pytest.fixture(name="over")
def _over(house: World) -> tuple[Shop, Person]:
    """Return a connection that is over, and a shopper who opted out when it was."""
    shop = house.shop()
    person = Person(shop).texts("JOIN")
    assert _told(shop, person) == (True, True)
    shop.move("disconnected")
    house.cold()
    assert person.text("STOP")(1)["statusCode"] == 204
    return shop, person


def test_an_opt_out_between_two_connections_reaches_both_sides(
    over: tuple[Shop, Person], house: World
) -> None:
    """TEA-01, TEA-11: nobody could be told; the next connection tells, with no text to her."""
    shop, person = over
    settle(house)
    assert _told(shop, person) == (True, True)
    assert len(_left(house)) == 1
    texts = len(shop.inbox_of(person.number))

    again = house.shop(text_number=shop.text_number)
    settle(house)

    assert again.consent(person.number) == "opted_out"
    assert _told(again, person) == (False, False)
    assert len(again.inbox_of(person.number)) == texts
    assert _left(house) == []
    assert open_tasks(house) == []


def test_a_push_that_disconnecting_dropped_is_made_after_all(house: World) -> None:
    """TEA-01, TEA-11: CATAPULT was away when the operator disconnected."""
    wire, shop = Wire(house), house.shop()
    person = Person(shop).texts("JOIN")
    with wire.failing(platform_away("catapult")):
        person.texts("STOP")
    assert _told(shop, person) == (False, True)
    shop.move("disconnected")
    house.cold()
    settle(house)

    again = house.shop(text_number=shop.text_number)
    settle(house)
    assert _told(again, person) == (False, False)


def test_a_worker_that_comes_late_tells_the_next_connection(
    over: tuple[Shop, Person], house: World
) -> None:
    """TEA-11: the account is linked again, and was looked at, before the old push was dropped."""
    shop, person = over
    again = house.shop(text_number=shop.text_number)
    assert _left(house) == []  # the pushes of the old connection have not run yet
    settle(house)
    assert _told(again, person) == (False, False)
    assert _left(house) == []


def test_it_waits_until_the_next_connection_is_connected(
    over: tuple[Shop, Person], house: World
) -> None:
    """TEA-01: linked and not connected yet: nobody is called, nothing is lost."""
    shop, person = over
    settle(house)
    again = house.shop(text_number=shop.text_number, states=("pending",))
    house.sandbox.post("/_reset")
    house.sweep()
    house.pump()
    assert house.sandbox.calls("catapult") == []
    assert len(_left(house)) == 1

    again.move("connected")
    settle(house)
    assert _told(again, person) == (False, False)


def test_another_merchant_with_the_account_hears_nothing(
    over: tuple[Shop, Person], house: World
) -> None:
    """R-32: the account changed hands: what is untold is the first merchant's."""
    shop, _ = over
    other = house.shop("m2", messaging="m1", text_number=shop.text_number)
    settle(house)
    assert len(_left(house)) == 1
    named = [row["pk"] for row in house.rows("TU#") if other.connection_id in row["pk"]]
    assert [pk for pk in named if "push_consent" in pk or "tell_peers" in pk] == []


def test_many_are_told_part_by_part(house: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: a part for each run, and the place is kept by what is gone already."""
    monkeypatch.setattr(tell_peers, "_PER_RUN", 2)
    shop = house.shop()
    people = [Person(shop).texts("JOIN") for _ in range(5)]
    shop.move("disconnected")
    house.cold()
    for person in people:
        person.text("STOP")(1)
    settle(house)
    assert len(_left(house)) == 5

    again = house.shop(text_number=shop.text_number)
    settle(house)
    assert [_told(again, each) for each in people] == [(False, False)] * 5
    assert _left(house) == []


# Requests that the worker of each row makes; one more than that kills nobody.
REQUESTS = {"push_consent": 6, "tell_peers": 8}
KILLS = [
    pytest.param(kind, number, id=f"{kind}-{number}")
    for kind, last in REQUESTS.items()
    for number in range(1, last + 1)
]


@pytest.mark.parametrize(("kind", "number"), KILLS)
def test_killed_anywhere_both_sides_hear_of_it(
    over: tuple[Shop, Person], house: World, kind: str, number: int
) -> None:
    """Reliability 12, TEA-11: while a push is kept, and while what was kept is queued."""
    wire, (shop, person) = Wire(house), over
    linked_again = kind == "tell_peers"
    if linked_again:
        settle(house)
        shop = house.shop(text_number=shop.text_number)
    row = _row(house, kind)
    house.cold()
    with wire.failing(kill_at(number)), pytest.raises(Killed):
        house.run_task(row)
    house.cold()
    house.clock.advance(timedelta(minutes=5))
    house.sweep()
    settle(house)
    if not linked_again:
        shop = house.shop(text_number=shop.text_number)
        settle(house)
    assert _told(shop, person) == (False, False)
    assert _left(house) == []


def test_the_matrix_kills_at_every_request(over: tuple[Shop, Person], house: World) -> None:
    """Reliability 12: what REQUESTS says is what the workers do."""
    wire, (shop, _) = Wire(house), over
    seen: dict[str, list[Request]] = {kind: [] for kind in REQUESTS}

    def count(kind: str) -> None:
        row = _row(house, kind)
        house.cold()
        with wire.failing(seen[kind].append):
            house.run_task(row)

    count("push_consent")
    settle(house)
    house.shop(text_number=shop.text_number)
    count("tell_peers")
    assert {kind: len(requests) for kind, requests in seen.items()} == REQUESTS


def _row(house: World, kind: str) -> dict[str, str]:
    row = next(r for r in house.rows("TU#") if kind in r["pk"])
    return {"pk": row["pk"], "sk": row["sk"]}
