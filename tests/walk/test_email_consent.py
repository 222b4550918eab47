"""E-mail consent of a loyalty shop: what she says to the shop, Ecomail shows, and back."""

from __future__ import annotations

import pytest

from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import settle
from tests.world.world import World


@pytest.fixture
def shop(house: World) -> Exporting:
    return exporting(house, newsletter_reward={"points": 50, "take_back": False})


def _says(shop: Exporting, email: str, action: str, number: int) -> int:
    body = {
        "event_id": f"e-{number}",
        "action": action,
        "channel": "email",
        "point": email,
        "via": "account",
        "evidence": {"text": "Yes, send me news."},
    }
    return int(shop.connect("POST", "/consents", body)["statusCode"])


def _status(shop: Exporting, email: str) -> int:
    return int(shop.subscriber(email)[str(LIST)]["status"])


def test_what_she_tells_the_shop_the_list_shows(shop: Exporting) -> None:
    """TEA-11, ECO-11: both ways; an opt-in that we pushed comes back as no sign-up."""
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    assert _says(shop, email, "opt_out", 1) == 200
    settle(shop.world)
    assert _status(shop, email) == 2
    assert _says(shop, email, "opt_in", 2) == 200
    settle(shop.world)
    assert _status(shop, email) == 1
    assert shop.consent(email, "email") == "opted_in"
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans/accounts/c-1"
    assert shop.world.body(shop.world.admin("GET", path))["balance"] == 0


def test_an_old_word_of_the_list_lifts_no_opt_out(shop: Exporting) -> None:
    """An opt-out always wins: while Ecomail was not told yet, what it shows is older."""
    email = new_email()
    shop.form(email, joins=True)
    settle(shop.world)
    assert shop.consent(email, "email") == "opted_in"
    shop.world.sandbox.fault(platform="ecomail", method="DELETE", status=503, times=1)
    assert _says(shop, email, "opt_out", 1) == 200
    shop.world.pump()
    shop.form(email, joins=True)  # a delivery that is late, or somebody at a desk
    shop.world.pump()
    assert shop.consent(email, "email") == "opted_out"
    settle(shop.world)
    assert _status(shop, email) == 2
    assert shop.consent(email, "email") == "opted_out"
