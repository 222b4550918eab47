"""Numbers that no shopper carries: only the shop can say so, and it may think again (TEA-12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world.emf import emitted
from tests.world.faults import Request, Wire, open_tasks, settle
from tests.world.shop import Shop, new_number


def _waiting(shop: Shop) -> list[dict[str, Any]]:
    return list(shop.world.body(shop.admin("GET", "/reviews?kind=unmatched"))["items"])


def _without_contact(shop: Shop) -> None:
    """Let Text-Em-All say, to the next opt state, that it has no such contact."""
    unknown = {"platform": "text_em_all", "method": "PUT", "status": 404, "code": 1003}
    shop.world.sandbox.fault(**unknown, times=1)


def _texts(shop: Shop, number: str, text: str) -> None:
    shop.texts(number, text)
    settle(shop.world)


def test_a_sender_without_the_contact_is_nothing_to_look_at(shop: Shop) -> None:
    """TEA-12: Text-Em-All has no such contact, CATAPULT has the number: no review."""
    number = new_number()
    shop.shopper("s-1", number)
    _without_contact(shop)
    _texts(shop, number, "JOIN")
    assert shop.phones("s-1") == {number: True}
    assert _waiting(shop) == []


def test_an_opt_out_that_a_sender_cannot_note_is_counted(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """TEA-17: nobody there to opt out; whoever adds her later has to find it said somewhere."""
    number = new_number()
    _without_contact(shop)
    _texts(shop, number, "JOIN")
    assert emitted(capsys.readouterr().out, "OptOutUnmatched") == 0
    _without_contact(shop)
    _texts(shop, number, "STOP")
    assert emitted(capsys.readouterr().out, "OptOutUnmatched") == 1
    assert open_tasks(shop.world) == []


def test_a_wrong_path_of_the_opt_state_parks_every_opt_out(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """TEA-17: the path is a guess; its 404 is no answer about her, and somebody is woken."""
    number = new_number()
    _texts(shop, number, "JOIN")
    wrong = {"paths": {"opt_state": "/contacts/no-such-path"}}
    assert shop.admin("PATCH", "", {"destination": {"settings": wrong}})["statusCode"] == 200
    shop.world.cold()
    capsys.readouterr()
    _texts(shop, number, "STOP")
    assert (shop.consent(number), shop.contact(number)) == ("opted_out", True)
    assert emitted(capsys.readouterr().out, "TaskFailed") == 1
    [parked] = shop.world.rows("F#")
    assert parked["reason"] == "not_found"


def test_a_sender_that_has_the_contact_settles_nothing(shop: Shop) -> None:
    """TEA-12: CATAPULT does not know her; that Text-Em-All does takes no review away."""
    number = new_number()
    _texts(shop, number, "JOIN")
    assert shop.contact(number) is True
    assert len(_waiting(shop)) == 1


def test_any_match_at_the_shop_takes_the_review_away(shop: Shop) -> None:
    """TEA-12: the shop came to know her without telling us: the next push finds out."""
    number = new_number()
    _texts(shop, number, "JOIN")
    shop.shopper("s-1", number)
    _texts(shop, number, "STOP")
    assert shop.phones("s-1") == {number: False}
    assert _waiting(shop) == []


def test_a_change_on_the_way_does_not_keep_the_review(shop: Shop) -> None:
    """TEA-12: her shopper appears, and a STOP coalesces with that push before it runs."""
    number = new_number()
    _texts(shop, number, "JOIN")
    shop.shopper("s-1", number)
    shop.connect("PUT", "/shoppers/s-1", {"first_name": "Ana", "phones": [number]})
    _texts(shop, number, "STOP")
    assert shop.phones("s-1") == {number: False}
    assert _waiting(shop) == []


def test_a_dismissed_number_that_is_still_unknown_waits_again(shop: Shop) -> None:
    """TEA-12: dismissed is not known: the next change that nobody takes is shown again."""
    number = new_number()
    _texts(shop, number, "JOIN")
    [review] = _waiting(shop)
    path = f"/reviews/{review['review_id']}/dismiss"
    dismissed = shop.admin("POST", path, {"actor": "Ana"})
    assert dismissed["statusCode"] < 300
    assert _waiting(shop) == []
    _texts(shop, number, "STOP")
    assert len(_waiting(shop)) == 1


def test_a_match_costs_no_request_of_its_own(shop: Shop) -> None:
    """Promise 5: what waits is seen in the query that a push to the shop makes."""
    number, wire = new_number(), Wire(shop.world)
    shop.shopper("s-1", number)
    shop.texts(number, "JOIN")
    pushes = [row for row in open_tasks(shop.world) if "#push_consent#" in row["pk"]]
    with wire.failing():
        for row in pushes:
            shop.world.run_task({"pk": row["pk"], "sk": row["sk"]})
        named = [name for name in wire.names if name.startswith("dynamodb.")]
    assert shop.phones("s-1") == {number: True}
    assert named.count("dynamodb.DeleteItem") == 2  # the rows of the two pushes
    assert named.count("dynamodb.PutItem") == 0
    assert named.count("dynamodb.Query") == 1  # and none for the other side


def test_a_number_without_consent_causes_no_push(shop: Shop) -> None:
    """Promise 5: a shop that sends all its shoppers puts no task in front of an opt-out."""
    known, other = new_number(), new_number()
    _texts(shop, known, "JOIN")
    assert len(_waiting(shop)) == 1
    shop.shopper("s-1", known, other)
    saved = shop.connect("PUT", "/shoppers/s-1", {"phones": [known, other]})
    assert saved["statusCode"] == 201
    (push,) = [row["pk"] for row in open_tasks(shop.world) if "push_consent" in row["pk"]]
    assert "catapult" in push
    settle(shop.world)
    assert shop.phones("s-1") == {known: True, other: False}
    assert _waiting(shop) == []


def test_consent_that_comes_while_she_is_saved_is_told(shop: Shop) -> None:
    """TEA-12: she joins right after her save looked at nothing: her own push finds her."""
    number = new_number()
    wire = Wire(shop.world)
    done: list[Request] = []

    def joins(request: Request) -> None:
        if request.name == "dynamodb.PutItem" and not done:  # a link is there, she is not yet
            done.append(request)
            shop.texts(number, "JOIN")
            shop.world.pump()  # CATAPULT is told, and knows nobody with this number

    with wire.failing(after=joins):
        shop.connect("PUT", "/shoppers/s-1", {"phones": [number]})
    assert done
    shop.shopper("s-1", number)
    settle(shop.world)
    assert shop.phones("s-1") == {number: True}
    assert _waiting(shop) == []
