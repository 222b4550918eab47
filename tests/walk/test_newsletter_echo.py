"""Our own writes come back as webhooks, late or twice; only what she did herself is rewarded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.canaries import SECRET
from tests.walk.test_contacts import _balance as balance
from tests.walk.test_export import _lose_pushes as lose_pushes
from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import settle
from tests.world.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def shop(house: World, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    monkeypatch.setattr("sandbox.clock.now", house.clock.now)  # Ecomail lives in the same time
    return exporting(house, newsletter_reward={"points": 50, "take_back": True})


def _later(shop: Exporting, by: timedelta) -> None:
    """Let time go by, and all be done that is due by then."""
    shop.world.clock.advance(by)
    shop.world.sweep()
    settle(shop.world)


def _exported(shop: Exporting, customer: str = "c-1") -> str:
    email = new_email()
    shop.customer(customer, email)
    settle(shop.world)
    return email


def _says(shop: Exporting, email: str, action: str, number: int) -> None:
    body = {"action": action, "channel": "email", "point": email, "via": "account"}
    said = {**body, "event_id": f"e-{number}", "evidence": {"text": "News, please."}}
    assert shop.connect("POST", "/consents", said)["statusCode"] == 200
    settle(shop.world)


def _hooks(shop: Exporting) -> int:
    (there,) = shop.world.sandbox.get(f"/ecomail/_lists/{shop.ecomail}").json()
    return len(there["hooks"])


def test_an_exported_customer_who_signs_up_is_rewarded_once(shop: Exporting) -> None:
    """ECO-11, ECO-13: she stood in the list by us alone; her form is told of twice."""
    email, other = _exported(shop), _exported(shop, "c-2")
    _later(shop, HOUR)
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 50
    assert shop.consent(email, "email") == "opted_in"
    shop.hears(email, times=2)
    _later(shop, 2 * DAY)
    shop.form(email, joins=True)
    settle(shop.world)
    assert [balance(shop, name) for name in ("c-1", "c-2")] == [50, 0]
    assert shop.consent(other, "email") != "opted_in"


@pytest.mark.parametrize("dated", [True, False])
def test_an_echo_is_no_sign_up_however_late(shop: Exporting, dated: bool) -> None:
    """ECO-11: the echo comes after hours, and twice; she did nothing."""
    shop.has_list(dated=dated, webhook_url=None)
    email = _exported(shop)
    shop.has_list(webhook_url=shop.webhooks["ecomail"])
    for wait in (2 * HOUR, 7 * HOUR, 14 * HOUR):
        _later(shop, wait)
        shop.hears(email, times=2)
        settle(shop.world)
        assert balance(shop, "c-1") == 0
    assert shop.consent(email, "email") != "opted_in"


def test_where_the_list_gives_no_times_a_sign_up_counts_from_the_next_day_on(
    shop: Exporting,
) -> None:
    """ECO-11: within a day it may be an echo; missing one is the lesser mistake, and not for
    ever."""
    shop.has_list(dated=False)
    email = _exported(shop)
    _later(shop, 2 * HOUR)
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 0
    _later(shop, DAY)
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 50


def test_a_change_of_who_is_there_fires_nothing(shop: Exporting) -> None:
    """ECO-11, ECO-17: so however often she is written, her sign-up can be told."""
    email = _exported(shop)
    told = _hooks(shop)
    for pin in ("4711", "4712", "4713"):
        _later(shop, HOUR)
        shop.customer("c-1", email, attributes={"pin": pin})
        settle(shop.world)
        assert shop.fields(email)["ellity_pin"] == pin
    assert _hooks(shop) == told
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 50


def test_who_was_removed_from_the_list_is_added_again(shop: Exporting) -> None:
    """ECO-17, ECO-11: by her next push, whose echo is no sign-up."""
    email = _exported(shop)
    key = {"key": f"{SECRET}{shop.ecomail}"}
    path = f"/ecomail/subscribers/{email}/delete"
    gone = shop.world.sandbox.call("DELETE", path, headers=key)
    assert gone.status_code == 200, gone.text
    _later(shop, 3 * DAY)
    shop.customer("c-1", email, attributes={"pin": "4711"})
    settle(shop.world)
    assert shop.subscriber(email)[str(LIST)]["status"] == 1
    assert balance(shop, "c-1") == 0


def test_a_sign_up_whose_webhook_comes_after_her_export_is_hers(shop: Exporting) -> None:
    """ECO-11: she signed up first; that we wrote her meanwhile takes nothing from it."""
    email = new_email()
    shop.has_list(webhook_url=None)
    shop.form(email, joins=True)
    shop.customer("c-1", email)
    settle(shop.world)
    shop.has_list(webhook_url=shop.webhooks["ecomail"])
    shop.hears(email)
    settle(shop.world)
    assert balance(shop, "c-1") == 50


def test_a_bulk_is_no_sign_up_and_hides_none(shop: Exporting) -> None:
    """ECO-11, ECO-18: all are exported at once; the echoes come twice; one signs up."""
    shop.move("paused")
    emails = {name: new_email() for name in ("c-1", "c-2", "c-3")}
    for name, email in emails.items():
        shop.customer(name, email)
    lose_pushes(shop)
    shop.move("connected")
    assert shop.admin("POST", "/exports")["statusCode"] == 202
    settle(shop.world)
    _later(shop, HOUR)
    shop.form(emails["c-1"], joins=True)
    for email in emails.values():
        shop.hears(email, times=2)
    settle(shop.world)
    assert [balance(shop, name) for name in emails] == [50, 0, 0]


def test_a_consent_that_we_pass_on_is_no_sign_up_and_hides_none(shop: Exporting) -> None:
    """ECO-11, TEA-11: she says so to her shop, we subscribe her again, the echo is late."""
    email = _exported(shop)
    _says(shop, email, "opt_out", 1)
    _later(shop, 2 * DAY)
    _says(shop, email, "opt_in", 2)
    _later(shop, 2 * HOUR)
    shop.hears(email)
    settle(shop.world)
    assert balance(shop, "c-1") == 0
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 50


def test_who_opted_out_at_her_shop_may_come_back_by_the_form(shop: Exporting) -> None:
    """ECO-11: nobody told of our taking her off, yet her own sign-up is one."""
    email = _exported(shop)
    _later(shop, HOUR)
    _says(shop, email, "opt_out", 1)
    shop.hears(email)  # late: it lifts no opt-out
    settle(shop.world)
    assert shop.consent(email, "email") == "opted_out"
    _later(shop, HOUR)
    shop.form(email, joins=True)
    settle(shop.world)
    assert shop.consent(email, "email") == "opted_in"
    assert shop.subscriber(email)[str(LIST)]["status"] == 1
    assert balance(shop, "c-1") == 50
