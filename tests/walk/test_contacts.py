"""Customers in Ecomail: exported as they are, told of points after their fields show them."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import VISIBILITY, Killed, Request, Wire, settle
from tests.world.log_lines import log_lines
from tests.world.world import World


@pytest.fixture
def shop(house: World) -> Exporting:
    return exporting(house, newsletter_reward={"points": 50, "take_back": True})


def _calls(shop: Exporting, path: str = "") -> list[dict[str, Any]]:
    return [call for call in shop.world.sandbox.calls("ecomail") if path in call["path"]]


def _earns(shop: Exporting, customer: str, points: int, name: str = "birthday") -> None:
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans/accounts/{customer}/adjustments"
    body = {"amount": points, "reason": name, "actor": "Eva"}
    answer = shop.world.admin("POST", path, body)
    assert answer["statusCode"] in (200, 201), answer


def _balance(shop: Exporting, customer: str) -> int:
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans/accounts/{customer}"
    return int(shop.world.body(shop.world.admin("GET", path))["balance"])


# --- fields and events ---------------------------------------------------------------------------


def test_a_customer_is_exported_as_her_shop_knows_her(shop: Exporting) -> None:
    """ECO-01, ECO-17: on creation and on change; unchanged costs no call."""
    email = new_email()
    shop.customer("c-1", email, attributes={"pin": "4711"})
    settle(shop.world)
    fields = shop.fields(email)
    assert (fields["ellity_credit_num"], fields["ellity_registered"]) == (0, "registered")
    assert fields["ellity_pin"] == "4711"

    before = len(_calls(shop))
    shop.customer("c-1", email, attributes={"pin": "4711"})
    settle(shop.world)
    assert len(_calls(shop)) == before

    shop.customer("c-1", email, guest=True)
    settle(shop.world)
    assert shop.fields(email)["ellity_registered"] == "anonymous"


def test_a_balance_is_shown_before_its_event_is_told(shop: Exporting) -> None:
    """ECO-02, ECO-07, ECO-10: fields, confirmed by a look at them, then one event per change."""
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    start = len(_calls(shop))
    _earns(shop, "c-1", 120)
    _earns(shop, "c-1", -20, "mistake")
    settle(shop.world)
    assert shop.fields(email)["ellity_credit_num"] == 100
    told = [(e["category"], e["action"], e["label"], json.loads(e["value"])) for e in shop.events()]
    assert told == [
        ("ellity", "change", "credit", {"credits": 120, "change": 120}),
        ("ellity", "change", "credit", {"credits": 100, "change": -20}),
    ]
    calls = [(call["method"], call["path"].rpartition("/")[2]) for call in _calls(shop)[start:]]
    first_event = next(n for n, call in enumerate(calls) if call == ("POST", "events"))
    assert ("PUT", "update-subscriber") in calls[:first_event]
    assert calls[first_event - 1][0] == "GET"


@pytest.mark.parametrize("died", [True, False], ids=["worker-died", "answer-lost"])
def test_an_event_that_may_have_arrived_is_not_told_again(shop: Exporting, died: bool) -> None:
    """ECO-10: the list knows no event ids; it waits for an operator, and says so."""
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    wire = Wire(shop.world)

    def arrived(request: Request) -> None:
        if request.name.endswith("/events"):
            raise Killed(request.name) if died else httpx.ReadTimeout("no answer")

    _earns(shop, "c-1", 120)
    with wire.failing(after=arrived), pytest.raises(Killed) if died else nullcontext():
        settle(shop.world)
    shop.world.cold()
    shop.world.clock.advance(VISIBILITY)
    settle(shop.world)
    assert len(shop.events()) == 1
    parked = [row for row in shop.world.rows() if "outcome_unknown" in str(row)]
    assert [row["kind"] for row in parked] == ["emit_event"], parked


def test_no_date_that_is_past_is_shown_as_the_next(house: World) -> None:
    """ECO-16: between midnight at the merchant and the night's run too, whatever the day in UTC."""
    shop, email = exporting(house, valid_for={"days": 20}), new_email()
    shop.customer("c-1", email)
    _earns(shop, "c-1", 40)
    settle(house)
    prague = ZoneInfo("Europe/Prague")
    last = house.clock.now().astimezone(prague).date() + timedelta(days=20)
    assert shop.fields(email)["ellity_next_expiration_date"] == last.isoformat()
    shown = []
    for at in (time(23, 50), time(0, 5)):
        day = last if at.hour else last + timedelta(days=1)
        house.clock.advance(datetime.combine(day, at, prague) - house.clock.now())
        shop.customer("c-1", email, first_name=f"Ana {at}")
        settle(house)
        fields = shop.fields(email)
        assert fields["ellity_credit_num"] == 40
        shown.append(fields["ellity_next_expiration_value_num"])
    assert house.clock.now().astimezone(UTC).date() == last
    assert shown == [40, 0]


def test_a_pin_is_told_without_the_pin(shop: Exporting) -> None:
    """ECO-09: the field is updated; the PIN is in no event, no URL and no log line."""
    # In letters: the scrubber masks long numbers, and would hide a leak from this test.
    email, pins = new_email(), ("quokka-one", "quokka-two")
    with log_lines() as lines:
        for pin in pins:
            shop.customer("c-1", email, attributes={"pin": pin})
            settle(shop.world)
    assert shop.fields(email)["ellity_pin"] == pins[-1]
    assert [event["label"] for event in shop.events()] == ["pin", "pin"]
    assert "contact_pushed" in lines.getvalue(), "nothing was logged, so nothing was proved"
    paths = [call["path"] for call in _calls(shop)]
    seen = "".join((lines.getvalue(), json.dumps(shop.events()), *paths))
    assert not [pin for pin in pins if pin in seen]


def test_who_opted_out_is_not_added(shop: Exporting) -> None:
    """An opt-out always wins: an export subscribes nobody who left."""
    email = new_email()
    body = {
        "event_id": "e-1",
        "action": "opt_out",
        "channel": "email",
        "point": email,
        "via": "account",
    }
    assert shop.connect("POST", "/consents", body)["statusCode"] == 200
    settle(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)
    assert shop.subscriber(email) == {}


# --- notices -----------------------------------------------------------------------------------


def test_a_notice_says_what_expires_in_so_many_days(house: World) -> None:
    """ECO-08, ECO-14, ECO-15, ECO-16: once, with the ledger's amount and date, after the fields."""
    shop = exporting(house, valid_for={"days": 10}, notice_days=7)
    email = new_email()
    shop.customer("c-1", email)
    _earns(shop, "c-1", 40)
    settle(house)
    told = len(shop.events())
    for _ in range(12):
        house.clock.advance(timedelta(days=1))
        house.hourly()
        settle(house)
    new = [(event["label"], json.loads(event["value"])) for event in shop.events()[told:]]
    last_day = shop.fields(email)["ellity_last_change_date"]
    assert [label for label, _ in new] == ["expiry", "credit"]
    assert new[0][1]["credits"] == 40
    assert new[1][1] == {"credits": 0, "change": -40}
    assert new[0][1]["expires_on"] < last_day
    assert shop.fields(email)["ellity_next_expiration_value_num"] == 0


# --- the newsletter ------------------------------------------------------------------------------


def test_a_sign_up_is_rewarded_once_and_an_export_is_none(shop: Exporting) -> None:
    """ECO-11, ECO-13: however often the webhook comes; our own write fires it too."""
    mine, hers = new_email(), new_email()
    shop.customer("c-1", mine)
    settle(shop.world)
    assert _balance(shop, "c-1") == 0, "our own export is no sign-up"

    shop.form(hers, joins=True)
    settle(shop.world)
    shop.customer("c-2", hers)  # unknown until now: parked, and credited when she appears
    settle(shop.world)
    assert _balance(shop, "c-2") == 50
    shop.form(hers, joins=True)
    settle(shop.world)
    assert _balance(shop, "c-2") == 50
    assert shop.fields(hers)["ellity_credit_num"] == 50


def test_leaving_takes_back_what_is_there(shop: Exporting) -> None:
    """ECO-12: at most what was given and is left, once, however often we hear of it; joining again
    gives only what was taken."""
    email = new_email()
    shop.form(email, joins=True)
    settle(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)
    _earns(shop, "c-1", -20, "spent")
    for _ in range(2):
        shop.form(email, joins=False)
        settle(shop.world)
    assert _balance(shop, "c-1") == 0
    assert shop.consent(email, "email") == "opted_out"
    shop.form(email, joins=True)
    settle(shop.world)
    assert _balance(shop, "c-1") == 30
    assert shop.consent(email, "email") == "opted_in"


# --- an operator connects ------------------------------------------------------------------------


def test_a_wrong_key_is_refused_before_anything_is_stored(house: World) -> None:
    """ECO-03, ECO-20: with the hint to check it; another error when nobody answers."""
    shop = exporting(house, connected=False)
    body = {"destination": {"credentials": {"api_key": "wrong"}}}
    rows = house.rows()
    answer = shop.admin("PATCH", "", body)
    problem = house.body(answer)
    assert (answer["statusCode"], problem["code"]) == (422, "invalid_api_key")
    assert "check" in problem["errors"][0]["message"].lower()
    assert house.rows() == rows
    house.sandbox.fault(platform="ecomail", status=503, times=1)
    answer = shop.admin("PATCH", "", {"destination": {"credentials": {"api_key": "wrong"}}})
    assert house.body(answer)["code"] != "invalid_api_key"


def test_connecting_makes_the_fields_once(house: World) -> None:
    """ECO-04, ECO-05: no list, no connection; foreign fields stay; a second time makes none."""
    shop = exporting(house, connected=False)
    lists = house.body(shop.admin("GET", "/lists"))
    assert (lists["items"], lists["chosen"]) == (
        [{"list_id": str(LIST), "name": "Customers"}],
        str(LIST),
    )
    shop.admin("PATCH", "", {"destination": {"settings": {"list_id": None}}})
    shop.move("pending")
    refused = shop.admin("POST", "/state", {"state": "connected"})
    assert (refused["statusCode"], house.body(refused)["code"]) == (409, "no_list")
    shop.admin("PATCH", "", {"destination": {"settings": {"list_id": str(LIST)}}})
    shop.move("connected")
    made = [call["path"] for call in _calls(shop) if call["path"].endswith("/subscribe")]
    assert len(made) == 1
    shop.move("paused")
    shop.move("connected")
    again = [call["path"] for call in _calls(shop) if call["path"].endswith("/subscribe")]
    assert again == made
