"""Who opted out and comes back to the list by its form: her newest word counts, there and here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.walk.test_contacts import _balance as balance
from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import Killed, Request, Wire, settle
from tests.world.world import World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AT_SHOP, AT_LIST = "at her shop", "at the list"


@pytest.fixture
def shop(house: World, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    monkeypatch.setattr("sandbox.clock.now", house.clock.now)  # Ecomail lives in the same time
    return exporting(house, newsletter_reward={"points": 50, "take_back": True})


def _exported(shop: Exporting) -> str:
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    shop.world.clock.advance(HOUR)
    return email


def _opts_out(shop: Exporting, email: str, where: str = AT_SHOP) -> None:
    if where == AT_LIST:
        shop.form(email, joins=False)
        return
    body = {"action": "opt_out", "channel": "email", "point": email, "via": "account"}
    name = f"e-{shop.world.clock.now().isoformat()}"
    assert shop.connect("POST", "/consents", {"event_id": name, **body})["statusCode"] == 200


def _later(shop: Exporting, by: timedelta = HOUR) -> None:
    settle(shop.world)
    shop.world.clock.advance(by)


def _stands(shop: Exporting, email: str) -> tuple[str, int]:
    settle(shop.world)
    return shop.consent(email, "email"), int(shop.subscriber(email)[str(LIST)]["status"])


@pytest.mark.parametrize("signed", [True, False])
def test_a_sign_up_lifts_each_opt_out_before_it(shop: Exporting, signed: bool) -> None:
    """ECO-11, TEA-11: at the list or at her shop, however often she changes her mind; the reward
    is hers once."""
    email = _exported(shop)
    if signed:
        shop.form(email, joins=True)
        _later(shop)
    for where in (AT_SHOP, AT_LIST, AT_SHOP, AT_SHOP):
        _opts_out(shop, email, where)
        assert _stands(shop, email) == ("opted_out", 2)
        _later(shop)
        shop.form(email, joins=True)
        assert _stands(shop, email) == ("opted_in", 1)
        assert balance(shop, "c-1") == 50
        _later(shop)


def test_an_old_sign_up_lifts_no_newer_opt_out(shop: Exporting) -> None:
    """An opt-out always wins: over a webhook that is told late, or again."""
    email = _exported(shop)
    shop.form(email, joins=True)
    _later(shop)
    _opts_out(shop, email)
    _later(shop, MINUTE)
    for wait in (MINUTE, HOUR, 30 * HOUR):
        shop.hears(email, times=2)
        assert _stands(shop, email) == ("opted_out", 2)
        _later(shop, wait)


def test_an_opt_out_before_the_look_is_newer_than_the_sign_up(shop: Exporting) -> None:
    """An opt-out always wins: she signed up, and thought better of it before we had looked."""
    email = _exported(shop)
    shop.form(email, joins=True)
    shop.world.clock.advance(MINUTE)
    _opts_out(shop, email)
    assert _stands(shop, email) == ("opted_out", 2)


def test_an_opt_out_while_a_look_is_repeated_is_newer(shop: Exporting) -> None:
    """An opt-out always wins: the look died between what it noted and the consent that follows,
    and the list was put back by hand since."""
    email, wire = _exported(shop), Wire(shop.world)
    shop.form(email, joins=True)
    seen: list[str] = []

    def dies(request: Request) -> None:
        if seen and request.name.endswith("TransactWriteItems"):
            raise Killed(request.name)
        if request.name.endswith(email):
            seen.append(request.name)

    with wire.failing(before=dies), pytest.raises(Killed):
        shop.world.pump()
    shop.world.clock.advance(MINUTE)
    _opts_out(shop, email)
    shop.has_list(webhook_url=None)
    shop.world.pump()  # the list is told of her opt-out; the look is still the dead worker's
    shop.form(email, joins=True)  # somebody else puts her there: no webhook tells of it
    assert _stands(shop, email) == ("opted_out", 2)


def test_a_change_of_hers_does_not_overtake_her_sign_up(shop: Exporting) -> None:
    """ECO-17: her contact is written between her sign-up and its webhook: she stays in the list."""
    email = _exported(shop)
    _opts_out(shop, email)
    _later(shop)
    shop.has_list(webhook_url=None)
    shop.form(email, joins=True)
    shop.customer("c-1", email, attributes={"pin": "4711"})
    shop.world.pump()
    shop.has_list(webhook_url=shop.webhooks["ecomail"])
    shop.hears(email)
    assert _stands(shop, email) == ("opted_in", 1)
    assert shop.fields(email)["ellity_pin"] == "4711"


def test_whom_nobody_told_of_is_taken_off(shop: Exporting) -> None:
    """ECO-17: the merchant puts her back by an import, which fires nothing: she is out."""
    email = _exported(shop)
    shop.form(email, joins=True)
    _later(shop)
    _opts_out(shop, email)
    _later(shop)
    shop.has_list(webhook_url=None)
    shop.form(email, joins=True)
    shop.customer("c-1", email, attributes={"pin": "4711"})
    assert _stands(shop, email) == ("opted_out", 2)
