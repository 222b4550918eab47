"""A list with double opt-in tells of a registration only: her confirmation is looked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from concord.domain.sign_ups import CONFIRMATION_LOOKS
from tests.walk.test_contacts import _balance as balance
from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import settle
from tests.world.world import World

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def shop(house: World, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    monkeypatch.setattr("sandbox.clock.now", house.clock.now)  # Ecomail lives in the same time
    shop = exporting(house, newsletter_reward={"points": 50, "take_back": True})
    shop.has_list(double_optin=True)
    return shop


def _later(shop: Exporting, by: timedelta) -> None:
    """Let time go by, and all be done that is due by then."""
    shop.world.clock.advance(by)
    shop.world.sweep()
    settle(shop.world)


def _week(shop: Exporting) -> None:
    """Let a week go by, with a sweep after each look that may be due."""
    before = timedelta()
    for look in CONFIRMATION_LOOKS:
        _later(shop, look - before + 3 * MINUTE)
        before = look


def _registers(shop: Exporting, customer: str = "c-1") -> str:
    email = new_email()
    shop.form(email, joins=True)
    settle(shop.world)
    shop.customer(customer, email)
    settle(shop.world)
    assert balance(shop, customer) == 0
    assert shop.consent(email, "email") == "pending"
    return email


def _waiting(shop: Exporting) -> list[dict[str, Any]]:
    return [row for row in shop.world.rows("TB#") if "#await_confirmation#" in row["pk"]]


def _looks(shop: Exporting, email: str) -> int:
    calls = shop.world.sandbox.calls("ecomail")
    return sum(call["method"] == "GET" and call["path"].endswith(email) for call in calls)


@pytest.mark.parametrize("days", [0, 2])
def test_a_confirmed_sign_up_is_rewarded_and_taken_as_consent(shop: Exporting, days: int) -> None:
    """ECO-11: nobody tells of the confirmation; a look sees it, and the looks end."""
    email = _registers(shop)
    shop.world.clock.advance(days * DAY)
    shop.world.sweep()
    settle(shop.world)
    shop.confirms(email)
    assert balance(shop, "c-1") == 0
    _later(shop, 2 * DAY)
    assert balance(shop, "c-1") == 50
    assert shop.consent(email, "email") == "opted_in"
    _week(shop)
    assert _waiting(shop) == []
    assert balance(shop, "c-1") == 50


def test_who_never_confirms_is_looked_at_a_few_times(shop: Exporting) -> None:
    """ECO-11: the looks end by themselves, without points or consent, however often she filled in
    the form."""
    email = _registers(shop)
    for _ in range(5):
        shop.form(email, joins=True)
        settle(shop.world)
    assert len(_waiting(shop)) == 1
    before = _looks(shop, email)
    _week(shop)
    assert _waiting(shop) == []
    assert 0 < _looks(shop, email) - before <= len(CONFIRMATION_LOOKS)
    assert balance(shop, "c-1") == 0
    assert shop.consent(email, "email") == "pending"


@pytest.mark.parametrize("at_shop", [True, False])
def test_an_opt_out_ends_it(shop: Exporting, at_shop: bool) -> None:
    """ECO-11: what she registered before lifts no opt-out, whoever confirms it."""
    email = _registers(shop)
    if at_shop:
        body = {"action": "opt_out", "channel": "email", "point": email, "via": "account"}
        assert shop.connect("POST", "/consents", {"event_id": "e-1", **body})["statusCode"] == 200
    else:
        shop.form(email, joins=False)
    settle(shop.world)
    shop.confirms(email)
    _week(shop)
    assert _waiting(shop) == []
    assert shop.consent(email, "email") == "opted_out"
    assert balance(shop, "c-1") == 0


def test_who_comes_back_has_to_confirm_again(shop: Exporting) -> None:
    """ECO-12: leaving takes the points, the new registration gives them once it is confirmed."""
    email = _registers(shop)
    shop.confirms(email)
    _later(shop, 20 * MINUTE)
    assert balance(shop, "c-1") == 50
    shop.form(email, joins=False)
    settle(shop.world)
    assert balance(shop, "c-1") == 0
    shop.form(email, joins=True)
    settle(shop.world)
    assert balance(shop, "c-1") == 0
    shop.confirms(email)
    _later(shop, 20 * MINUTE)
    assert balance(shop, "c-1") == 50
    assert shop.consent(email, "email") == "opted_in"


def test_whom_we_registered_asked_for_nothing(shop: Exporting) -> None:
    """ECO-11: the echo of our own write tells of a registration too; her click on that mail is no
    sign-up by the form, nor is a later echo."""
    asks = {"list_id": str(LIST), "skip_confirmation": False}
    changed = shop.admin("PATCH", "", {"destination": {"settings": asks}})
    assert changed["statusCode"] == 200, changed
    shop.world.clock.advance(timedelta(seconds=10))
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    assert shop.subscriber(email)[str(LIST)]["status"] == 6
    assert _waiting(shop) == []
    shop.confirms(email)
    _later(shop, 2 * MINUTE)
    shop.hears(email)
    _week(shop)
    assert balance(shop, "c-1") == 0
