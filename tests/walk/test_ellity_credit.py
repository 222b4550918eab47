"""Points that a shop keeps at Ellity: its webhook drives the same export as our own ledger does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.world.crashes import Scene, dies_everywhere
from tests.world.exporting import Exporting, exporting, new_email
from tests.world.faults import Wire, settle
from tests.world.log_lines import log_lines
from tests.world.world import World

WITH_ID = (
    '{"event":"credit","event_id":"#creditChange.value#-x","id":"#customer.id#",'
    '"credit":"#customer.credit#","delta":"#creditChange.value#"}'
)


@pytest.fixture
def shop(house: World) -> Exporting:
    return exporting(house, points_at_ellity=True)


def _told(shop: Exporting) -> list[tuple[str, dict[str, Any]]]:
    return [(event["label"], json.loads(event["value"])) for event in shop.events()]


def _rows(shop: Exporting) -> list[dict[str, Any]]:
    return [row for row in shop.world.rows("CX#") if row["sk"] == "CREDIT"]


def _inbox(shop: Exporting) -> list[str]:
    listed = shop.world.admin("GET", f"/v1/merchants/{shop.merchant_id}/inbox")
    return [entry["state"] for entry in shop.world.body(listed)["items"]]


def _known(shop: Exporting, customer: str = "c-1") -> str:
    email = new_email()
    shop.customer(customer, email)
    settle(shop.world)
    return email


def test_a_balance_at_ellity_is_shown_before_its_event_is_told(shop: Exporting) -> None:
    """ECO-07, ECO-10: fields, then one event per change; on the merchant's own day."""
    email = _known(shop)
    start = len(shop.world.sandbox.calls("ecomail"))
    assert shop.credit(120, id="c-1", email=email, delta=20) == [204]
    settle(shop.world)
    fields = shop.fields(email)
    assert (fields["ellity_credit"], fields["ellity_credit_num"]) == ("120", 120)
    assert fields["ellity_last_change_value"] == "20"
    assert fields["ellity_last_change_date"] == _rows(shop)[0]["on"]
    assert _told(shop) == [("credit", {"credits": 120, "change": 20})]
    calls = shop.world.sandbox.calls("ecomail")[start:]
    paths = [(call["method"], call["path"].rpartition("/")[2]) for call in calls]
    first_event = paths.index(("POST", "events"))
    assert ("PUT", "update-subscriber") in paths[:first_event]
    assert paths[first_event - 1][0] == "GET"


def test_the_day_of_a_change_is_the_merchants(shop: Exporting) -> None:
    """ECO-07: half an hour before midnight in UTC it is the next day in Prague."""
    now = shop.world.clock.now()
    shop.world.clock.advance(now.replace(hour=23, minute=30) + timedelta(days=1) - now)
    shop.credit(5, id="c-1")
    tomorrow = (shop.world.clock.now() + timedelta(days=1)).date()
    assert [row["on"] for row in _rows(shop)] == [tomorrow.isoformat()]


def test_the_same_credit_again_writes_nothing(shop: Exporting) -> None:
    """ECO-07: Ellity gives no ids, so a repeat is told by what it says."""
    email = _known(shop)
    assert shop.credit(120, id="c-1", email=email, delta=20) == [204]
    settle(shop.world)
    before = shop.world.rows()
    assert shop.credit(120, id="c-1", email=email, delta=20, times=3) == [204] * 3
    settle(shop.world)
    assert shop.world.rows() == before
    assert len(_told(shop)) == 1


def test_the_credit_received_last_wins(shop: Exporting) -> None:
    """ECO-07: Ellity says neither when nor in which order, so our receipt is the order: last wins.

    A body that was received before and is worked off after another changes nothing any more.
    """
    email = _known(shop)
    shop.credit(120, id="c-1")
    shop.world.clock.advance(timedelta(seconds=1))
    shop.credit(90, id="c-1")
    settle(shop.world)
    listed = shop.world.admin("GET", f"/v1/merchants/{shop.merchant_id}/inbox")
    for entry in shop.world.body(listed)["items"]:
        where = f"/v1/merchants/{shop.merchant_id}/inbox/{entry['inbox_id']}/replay"
        assert shop.world.admin("POST", where)["statusCode"] == 200
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 90
    assert sorted(_told(shop), key=str) == [
        ("credit", {"credits": 120, "change": 120}),
        ("credit", {"credits": 90, "change": -30}),
    ]
    shop.credit(120, id="c-1")
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 120


def test_a_repeat_of_an_event_id_is_a_duplicate(shop: Exporting) -> None:
    """ECO-07: a merchant who has an id for the change is told once, also after other changes."""
    email = _known(shop)
    shop.credit(120, id="c-1", delta=20, template=WITH_ID)
    shop.credit(90, id="c-1", delta=-30, template=WITH_ID)
    before = _rows(shop)
    shop.world.clock.advance(timedelta(minutes=5))
    assert shop.credit(120, id="c-1", delta=20, template=WITH_ID) == [204]
    assert _rows(shop) == before
    assert shop.credit(77, id="c-1", delta=20, template=WITH_ID) == [409]
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 90
    assert len(_told(shop)) == 2


def test_a_customer_is_found_by_her_address(shop: Exporting) -> None:
    """ECO-07: where Ellity's id is not the shop's, or is not told."""
    email = _known(shop)
    shop.credit(10, email=email.upper())
    shop.credit(30, id="of-ellity", email=email)
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 30
    assert [row["seq"] for row in _rows(shop)] == [2]
    shop.credit(40, id="c-1", email="no address")
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 40


def test_a_customer_may_appear_after_her_points(shop: Exporting) -> None:
    """ECO-07: nobody is told of nobody, and her first export shows what was told before."""
    email = new_email()
    assert shop.credit(55, id="c-9", email=email, delta=5) == [204]
    settle(shop.world)
    assert _told(shop) == []
    shop.customer("c-9", email)
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 55


def test_an_unknown_address_waits_in_the_inbox(shop: Exporting) -> None:
    """ECO-07: the body is kept, and a replay finds her once she is there."""
    email = new_email()
    assert shop.credit(55, email=email) == [204]
    assert (_inbox(shop), _rows(shop)) == (["kept"], [])
    shop.customer("c-1", email)
    settle(shop.world)
    entry = shop.world.body(shop.world.admin("GET", f"/v1/merchants/{shop.merchant_id}/inbox"))
    where = f"/v1/merchants/{shop.merchant_id}/inbox/{entry['items'][0]['inbox_id']}/replay"
    replayed = shop.world.admin("POST", where)
    assert shop.world.body(replayed)["state"] == "processed"
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 55


def test_points_that_are_ours_are_not_told_by_ellity(house: World) -> None:
    """ECO-07: a connection with a programme takes no credit from outside: none is told twice."""
    shop = exporting(house)
    email = _known(shop)
    assert shop.credit(999, id="c-1", email=email, delta=999) == [204]
    settle(house)
    assert (shop.fields(email)["ellity_credit_num"], _told(shop)) == (0, [])
    assert (_inbox(shop)[-1], _rows(shop)) == ("ignored", [])


def test_an_event_is_not_told_once_the_points_are_ours(shop: Exporting) -> None:
    """ECO-10: a programme was set before the event went out: its fields will never be there."""
    email = _known(shop)
    shop.credit(120, id="c-1")
    rules = {"name": "Beans", "currency": "CZK", "points_per_unit": "0.1"}
    shop.world.admin("PUT", f"/v1/merchants/{shop.merchant_id}/programmes/late", rules)
    shop.admin("PATCH", "", {"settings": {"programme": "late"}})
    shop.world.cold()
    settle(shop.world)
    assert _told(shop) == []
    assert not [row for row in shop.world.rows("T") if "emit_event" in row["pk"]]
    shop.customer("c-1", email, guest=True)
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 0, "that of our own account"


@pytest.mark.parametrize("by", ["id", "email"])
@pytest.mark.parametrize("event_id", [None, "x-1"])
def test_killed_at_every_request_and_delivered_again(
    shop: Exporting, by: str, event_id: str | None
) -> None:
    """Reliability 12, 6: a credit is taken once, and told once, whatever request the door dies at.

    A 2xx means that the row, the task and the body are stored.
    """
    path = shop.webhooks["ellity"].split("/test", 1)[1]

    def stage() -> Scene:
        email = _known(shop)
        who = {"id": "c-1"} if by == "id" else {"email": email}
        body = {"event": "credit", "event_id": event_id, "credit": "120", "delta": "20", **who}
        sent = json.dumps(body).encode()

        def outcome() -> Any:
            told = [json.loads(e["value"]) for e in shop.events() if e["email"] == email]
            seqs = [row["seq"] for row in _rows(shop)]
            return seqs, told, shop.fields(email)["ellity_credit_num"]

        return Scene(lambda _: shop.world.receive(path, sent, {}), outcome)

    expected = ([1], [{"credits": 120, "change": 20}], 120)
    assert dies_everywhere(Wire(shop.world), shop.world, stage, expected) >= 4


def test_nothing_personal_is_logged(shop: Exporting) -> None:
    """Reliability 33: addresses and the shop's ids of her stay out of log lines, keys and tasks."""
    email = "canarina.zwitscher@canary.example.com"
    with log_lines() as lines:
        shop.customer("canary-1", email)
        shop.credit(120, id="canary-1", email=email)
        shop.credit(130, email=email)
        shop.credit(5, email="canary-nobody@shop.example")
        tasks = json.dumps([row for row in shop.world.rows("T") if "emit_event" in row["pk"]])
        settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 130
    assert "contact_pushed" in lines.getvalue(), "nothing was logged, so nothing was proved"
    assert "canar" not in lines.getvalue()
    assert "canar" not in tasks + json.dumps(_rows(shop))
