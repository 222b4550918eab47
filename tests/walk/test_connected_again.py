"""What a paused connection held goes out as soon as it is connected: nobody waits for a sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from concord.services import change_state
from tests.world.faults import open_tasks
from tests.world.person import Person
from tests.world.shop import Shop
from tests.world.world import World


def _held(shop: Shop) -> Person:
    """Return a person whose JOIN is held: two pushes' worth of consent, and a text."""
    person = Person(shop)
    person.text("JOIN")(1)
    shop.world.pump()
    assert shop.contact(person.number) is None
    assert shop.inbox_of(person.number) == []
    return person


def _told(person: Person) -> tuple[Any, Any, int]:
    shop = person.shop
    texts = len(shop.inbox_of(person.number))
    return shop.contact(person.number), shop.phones(person.id), texts


def test_pushes_and_texts_go_out_right_after_connected(house: World) -> None:
    """TEA-01: no sweep, and no minute until the next try; the worker still remembers `paused`."""
    shop = house.shop(states=("pending", "connected", "paused"))
    house.pump()
    person = _held(shop)

    shop.move("connected")
    house.pump()

    assert _told(person) == (True, {person.number: True}, 1)
    assert open_tasks(house) == []


def test_a_worker_that_thinks_it_is_paused_looks_again(house: World) -> None:
    """TEA-01: a connection is cached for 5 s; a held task is never put off on an old look."""
    shop = house.shop(states=("pending", "connected", "paused"))
    house.pump()
    person = _held(shop)
    worker = house.parts.connections
    remembered = worker.get(shop.connection_id)
    assert remembered is not None

    shop.move("connected")
    fresh = worker.get
    worker.get = lambda cid, *, fresh_=fresh, **how: (  # type: ignore[method-assign]
        fresh_(cid, **how) if how.get("fresh") else remembered
    )
    house.pump()

    assert _told(person) == (True, {person.number: True}, 1)


def test_those_of_another_connection_stay_where_they_are(house: World) -> None:
    """TEA-01: one shop is connected again; the other one's tasks are not even tried."""
    first, second = (house.shop(n, states=("pending", "connected", "paused")) for n in ("m1", "m2"))
    house.pump()
    waiting, other = _held(first), _held(second)
    before = {row["pk"]: row["attempts"] for row in open_tasks(house) if "#m2#" in row["pk"]}

    first.move("connected")
    house.pump()

    assert _told(waiting) == (True, {waiting.number: True}, 1)
    assert _told(other)[0] is None
    after = {row["pk"]: row["attempts"] for row in open_tasks(house)}
    assert after == before


def test_a_long_list_is_cut_and_the_rest_comes_by_itself(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator waits for the answer: only so many are queued, the sweep has the others."""
    monkeypatch.setattr(change_state, "_QUEUED", 2)
    shop = house.shop(states=("pending", "connected", "paused"))
    house.pump()
    people = [_held(shop) for _ in range(3)]
    held = len(open_tasks(house))

    shop.move("connected")
    house.pump()
    assert len(open_tasks(house)) == held - 2

    house.clock.advance(timedelta(minutes=4))
    house.sweep()
    house.pump()
    assert [shop.contact(each.number) for each in people] == [True] * 3


def test_without_the_index_the_state_changes_all_the_same(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows have messages of their own: a table that stumbles here delays, and fails nothing."""
    from concord.domain.errors import StorageUnavailableError

    shop = house.shop(states=("pending", "connected", "paused"))
    house.pump()
    _held(shop)
    with monkeypatch.context() as patch:

        def away(before: Any) -> Any:
            raise StorageUnavailableError

        patch.setattr(house.parts.tasks, "due", away)
        answer = shop.admin("POST", "/state", {"state": "connected"})
    assert answer["statusCode"] == 200
    assert house.body(answer)["state"] == "connected"
