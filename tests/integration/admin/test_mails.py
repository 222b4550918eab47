"""The switch between the platform's mails and our own: what it needs, and what it refuses."""

from __future__ import annotations

import pytest

from tests.integration.admin.calls import new_connection, ok, refused
from tests.world.exporting import Exporting, exporting
from tests.world.world import MAIL_IDENTITY, World

SENDER = f"points@{MAIL_IDENTITY}"


@pytest.fixture(name="shop")
def _shop(house: World) -> Exporting:
    return exporting(house)


def _path(shop: Exporting) -> str:
    return f"/v1/connections/{shop.connection_id}"


def test_the_platform_mails_unless_told_otherwise(house: World, shop: Exporting) -> None:
    """ECO-19: the switch, its two addresses, and the audit of both ways."""
    path = _path(shop)
    chosen = ok(house, "GET", path)["settings"]
    assert (chosen["mails"], chosen["mail_from"], chosen["mail_reply_to"]) == (
        "platform",
        None,
        None,
    )
    own = {"mails": "own", "mail_from": f" Points@{MAIL_IDENTITY} ", "mail_reply_to": "a@b.example"}
    changed = ok(house, "PATCH", path, own)["settings"]
    assert changed["mails"] == "own"
    assert (changed["mail_from"], changed["mail_reply_to"]) == (SENDER, "a@b.example")
    assert ok(house, "GET", path)["settings"] == changed
    assert changed["mails_language"] == "en"
    czech = ok(house, "PATCH", path, {"mails_language": "cs"})["settings"]
    assert ok(house, "GET", path)["settings"] == czech == {**changed, "mails_language": "cs"}
    back = ok(house, "PATCH", path, {"settings": {"mails": None}})["settings"]
    assert (back["mails"], back["mail_from"]) == ("platform", SENDER)
    trail = ok(house, "GET", f"{path}/audit")["items"]
    turned = [row["details"]["mails"] for row in trail if "mails" in row.get("details", {})]
    assert turned == [
        {"from": "own", "to": "platform"},
        {"from": "platform", "to": "own"},
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mails": "own"}, "settings.mail_from"),
        ({"mails": "own", "mail_from": "points@elsewhere.example"}, "settings.mail_from"),
        ({"mails": "own", "mail_from": f"points@not-{MAIL_IDENTITY}"}, "settings.mail_from"),
        ({"mail_from": "no address"}, "settings.mail_from"),
        ({"mail_from": f"žluť@{MAIL_IDENTITY}"}, "settings.mail_from"),
        ({"mail_from": SENDER, "mail_reply_to": "x@y.example>,z"}, "settings.mail_reply_to"),
        ({"mails": "nobody"}, "mails"),
        ({"mails_language": "de"}, "mails_language"),
    ],
)
def test_an_address_that_cannot_be_is_named(
    house: World, shop: Exporting, change: dict[str, str], field: str
) -> None:
    """ECO-19: own mails need an address that this stack may send from."""
    before = ok(house, "GET", _path(shop))
    status, _, fields = refused(house, "PATCH", _path(shop), change)
    assert (status, fields) == (422, [field])
    assert ok(house, "GET", _path(shop)) == before


def test_an_address_of_a_subdomain_belongs_to_the_domain(house: World, shop: Exporting) -> None:
    """ECO-19: SES verifies a domain with all that is below it."""
    sender = f"points@cafe.{MAIL_IDENTITY}"
    assert ok(house, "PATCH", _path(shop), {"mail_from": sender})["settings"]["mail_from"] == sender


def test_what_own_mails_need_is_not_taken_away(house: World, shop: Exporting) -> None:
    """ECO-19: the address goes only together with the switch."""
    ok(house, "PATCH", _path(shop), {"mails": "own", "mail_from": SENDER})
    _, _, fields = refused(house, "PATCH", _path(shop), {"mail_from": None})
    assert fields == ["settings.mail_from"]
    both = ok(house, "PATCH", _path(shop), {"mails": "platform", "mail_from": None})["settings"]
    assert both["mail_from"] is None


def test_a_stack_without_an_identity_sends_none(
    house: World, shop: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-19: refused with the parameter that would mend it."""
    from concord import config

    monkeypatch.setenv("MAIL_IDENTITY", "")
    config.settings.cache_clear()
    house.cold()
    answer = house.admin("PATCH", _path(shop), {"mails": "own", "mail_from": SENDER})
    problem = house.body(answer)
    assert answer["statusCode"] == 422
    assert [each["field"] for each in problem["errors"]] == ["settings.mails"]
    assert "MailIdentity" in problem["errors"][0]["message"]


def test_a_connection_without_contacts_has_no_such_mails(house: World) -> None:
    """ECO-19: where nothing is exported there is nothing to switch."""
    merchant = {"name": "Shop", "time_zone": "Europe/Prague", "country": "CZ"}
    ok(house, "PUT", "/v1/merchants/m2", merchant)
    body = new_connection(mails="own", mail_from=SENDER)
    status, _, fields = refused(house, "POST", "/v1/merchants/m2/connections", body)
    assert (status, fields) == (422, ["settings.mails"])
