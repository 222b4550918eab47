"""Contacts in Ecomail when things go wrong: races, moved addresses, lost answers, new settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.walk.test_contacts import _balance as balance
from tests.walk.test_contacts import _earns as earns
from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import Request, Wire, open_tasks, settle
from tests.world.log_lines import log_lines
from tests.world.world import World

REWARD = {"points": 50, "take_back": True}


@pytest.fixture
def shop(house: World) -> Exporting:
    return exporting(house, newsletter_reward=REWARD)


def _opts_out(shop: Exporting, email: str, name: str = "e-1") -> None:
    said = {"action": "opt_out", "channel": "email", "point": email, "via": "account"}
    answer = shop.connect("POST", "/consents", {"event_id": name, **said})
    assert answer["statusCode"] == 200, answer


def _status(shop: Exporting, email: str, list_id: int = LIST) -> int | None:
    status = shop.subscriber(email).get(str(list_id), {}).get("status")
    return int(status) if status is not None else None


def _failures(shop: Exporting) -> list[dict[str, Any]]:
    return list(shop.world.body(shop.admin("GET", "/failures"))["items"])


# --- opt-outs ------------------------------------------------------------------------------------


def test_an_opt_out_while_we_write_ends_out_of_the_list(shop: Exporting) -> None:
    """ECO-17: it is told before our write arrives, and our write adds her: she is taken off, and
    the echo of that write is no sign-up."""
    email, wire = new_email(), Wire(shop.world)
    shop.customer("c-1", email)
    raced: list[str] = []

    def opts_out(request: Request) -> None:
        if request.name.endswith("/subscribe") and not raced:
            raced.append(request.name)
            _opts_out(shop, email)
            row = next(r for r in open_tasks(shop.world) if "#push_consent#" in r["pk"])
            shop.world.run_task({"pk": row["pk"], "sk": row["sk"]})

    wire.before = opts_out
    settle(shop.world)
    settle(shop.world)
    assert raced
    assert shop.consent(email, "email") == "opted_out"
    assert _status(shop, email) != 1
    assert balance(shop, "c-1") == 0


def test_whom_a_merchant_imports_did_not_sign_up(shop: Exporting) -> None:
    """ECO-11: she opted out; that the list has her says nothing of her own will."""
    email = new_email()
    _opts_out(shop, email)
    settle(shop.world)
    shop.world.sandbox.put(f"/ecomail/_lists/{shop.ecomail}/{LIST}", json={"webhook_url": None})
    shop.form(email, joins=True)
    shop.customer("c-1", email)
    settle(shop.world)
    assert shop.consent(email, "email") == "opted_out"
    assert _status(shop, email) == 2
    assert balance(shop, "c-1") == 0


def test_an_event_of_who_is_not_in_the_list_ends(shop: Exporting) -> None:
    """ECO-07, ECO-10: whoever opted out is told nothing, and nobody asks for ever."""
    email = new_email()
    _opts_out(shop, email)
    shop.customer("c-1", email, attributes={"pin": "4711"})
    earns(shop, "c-1", 10)
    settle(shop.world)
    assert shop.events() == []
    assert shop.subscriber(email) == {}


# --- whose sign-up it is -------------------------------------------------------------------------


def test_a_customer_who_signs_up_later_is_rewarded(shop: Exporting) -> None:
    """ECO-11: the look that her first save caused does not swallow the one for her sign-up."""
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    shop.form(email, joins=False)
    settle(shop.world)
    assert balance(shop, "c-1") == 0
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 50


def test_a_new_address_is_no_sign_up(shop: Exporting) -> None:
    """ECO-11: it is us who add it, and Ecomail tells us of our own write."""
    shop.customer("c-1", new_email())
    settle(shop.world)
    shop.customer("c-1", new_email())
    settle(shop.world)
    assert balance(shop, "c-1") == 0


def test_another_list_is_no_sign_up(shop: Exporting) -> None:
    """ECO-11: the customers that we add to the list that is chosen next did not sign up there."""
    email, other = new_email(), LIST + 1
    shop.form(email, joins=True)
    settle(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)
    assert balance(shop, "c-1") == 50
    hook = {"name": "Others", "webhook_url": shop.webhooks["ecomail"]}
    shop.world.sandbox.put(f"/ecomail/_lists/{shop.ecomail}/{other}", json=hook)
    changed = shop.admin("PATCH", "", {"destination": {"settings": {"list_id": str(other)}}})
    assert changed["statusCode"] == 200, changed
    shop.world.clock.advance(timedelta(seconds=10))
    shop.customer("c-1", email, guest=True)
    settle(shop.world)
    assert _status(shop, email, other) == 1
    assert balance(shop, "c-1") == 50


def test_two_addresses_of_one_customer_are_one_sign_up(shop: Exporting) -> None:
    """ECO-11, ECO-12: once per customer and list, however many addresses she had in turn."""
    one, two = new_email(), new_email()
    shop.customer("c-1", one)
    shop.form(two, joins=True)
    settle(shop.world)
    for _ in range(2):  # other than the second address, the first one has left before it joins
        shop.form(one, joins=False)
        settle(shop.world)
        shop.form(one, joins=True)
        settle(shop.world)
    assert balance(shop, "c-1") == 50
    shop.customer("c-1", two)
    settle(shop.world)
    assert balance(shop, "c-1") == 50
    for email, joins, left in ((two, False, 0), (one, False, 0), (two, True, 50)):
        shop.form(email, joins=joins)
        settle(shop.world)
        assert balance(shop, "c-1") == left


def test_an_address_that_moves_on_earns_nothing_twice(shop: Exporting) -> None:
    """ECO-11: the sign-up stays hers who had the address then, and so does what is taken back."""
    email = new_email()
    shop.form(email, joins=True)
    settle(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)
    shop.customer("c-1", new_email())
    shop.customer("c-2", email)
    earns(shop, "c-2", 70)
    settle(shop.world)
    shop.form(email, joins=False)
    settle(shop.world)
    assert (balance(shop, "c-1"), balance(shop, "c-2")) == (0, 70)


# --- settings that change ------------------------------------------------------------------------


def test_another_programme_leaves_the_points_of_the_one_before(shop: Exporting) -> None:
    """ECO-12: what one programme gave is not taken out of another; its events end."""
    email = new_email()
    shop.form(email, joins=True)
    settle(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)
    rules = {"name": "Nuts", "currency": "CZK", "newsletter_reward": REWARD}
    shop.world.admin("PUT", f"/v1/merchants/{shop.merchant_id}/programmes/nuts", rules)
    accounts = f"/v1/merchants/{shop.merchant_id}/programmes/nuts/accounts/c-1"
    earned = {"amount": 80, "reason": "welcome", "actor": "Eva"}
    shop.world.admin("POST", f"{accounts}/adjustments", earned)
    earns(shop, "c-1", 10)  # its event is of the programme that is shown no more
    assert shop.admin("PATCH", "", {"settings": {"programme": "nuts"}})["statusCode"] == 200
    shop.world.clock.advance(timedelta(seconds=10))
    told = len(shop.events())
    settle(shop.world)
    assert len(shop.events()) == told
    shop.form(email, joins=False)
    settle(shop.world)
    assert balance(shop, "c-1") == 10
    assert shop.world.body(shop.world.admin("GET", accounts))["balance"] == 80


def test_what_a_pause_held_goes_when_it_ends(shop: Exporting) -> None:
    """ECO-17: pushes, events and looks are queued as soon as the connection is back."""
    shop.move("paused")
    email = new_email()
    shop.customer("c-1", email, attributes={"pin": "4711"})
    shop.world.pump()
    shop.world.clock.advance(timedelta(seconds=10))
    assert shop.subscriber(email) == {}
    shop.world.sweep()
    shop.world.pump()
    shop.move("connected")
    shop.world.pump()
    assert shop.fields(email)["ellity_pin"] == "4711"


def test_a_key_that_is_refused_later_pauses(shop: Exporting) -> None:
    """ECO-20: nothing is lost: with a good key the contact is there."""
    email = new_email()
    shop.world.sandbox.fault(platform="ecomail", status=401, times=1)
    shop.customer("c-1", email)
    shop.world.pump()
    assert shop.world.body(shop.admin("GET"))["state"] == "paused"
    assert _failures(shop) == []
    shop.move("connected")
    settle(shop.world)
    assert _status(shop, email) == 1


# --- events --------------------------------------------------------------------------------------


def test_a_lost_answer_parks_the_event_until_an_operator_says_so(
    shop: Exporting, capfd: pytest.CaptureFixture[str]
) -> None:
    """ECO-07: never told twice blindly; the alarm rings, and a retry tells it."""
    email, wire = new_email(), Wire(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)

    def loses(request: Request) -> None:
        if request.name.endswith("/tracker/events"):
            raise httpx.ReadTimeout("lost")

    with wire.failing(before=loses), log_lines() as lines:
        earns(shop, "c-1", 10)
        settle(shop.world)
    (failure,) = _failures(shop)
    assert (failure["kind"], failure["reason"]) == ("emit_event", "outcome_unknown")
    assert "TaskFailed" in capfd.readouterr().out
    assert "task_put_off" in lines.getvalue(), "nothing was logged, so nothing was proved"
    assert email not in lines.getvalue()
    settle(shop.world)
    assert shop.events() == []
    retried = shop.admin("POST", f"/failures/{failure['failure_id']}/retry")
    assert retried["statusCode"] in (200, 202), retried
    settle(shop.world)
    assert [event["label"] for event in shop.events()] == ["credit"]
    assert _failures(shop) == []
