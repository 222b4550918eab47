"""`concord merchants`: hours and cap are changed, and nothing else is lost."""

from __future__ import annotations

from typing import Any

import pytest

from concord.entrypoint.admin.merchants import MerchantPut
from tests.unit.cli.fake_api import Cli, FakeApi

_MERCHANT: dict[str, Any] = {
    "merchant_id": "acme",
    "name": "Green Grocer",
    "time_zone": "America/New_York",
    "country": "US",
    "allow_multi_link": False,
    "quiet_hours": {"from": "09:00", "to": "20:00"},
    "frequency_cap": {},
}
_OWN = ("name", "time_zone", "country")


def test_a_merchant_is_shown(concord: Cli, api: FakeApi) -> None:
    """R-27."""
    api.on("GET", "/merchants/acme", _MERCHANT)
    shown = concord("merchants", "show", "acme").stdout
    for said in ("Green Grocer", "quiet_hours.from", "09:00"):
        assert said in shown


@pytest.mark.parametrize(
    ("words", "hours", "cap"),
    [
        (
            ("frequency_cap.texts=4", "frequency_cap.days=7"),
            {"from": "09:00", "to": "20:00"},
            {"texts": 4, "days": 7},
        ),
        (("quiet_hours.from=10:00",), {"from": "10:00", "to": "20:00"}, None),
        (('frequency_cap={"texts":1,"days":1}', "quiet_hours=null"), None, {"texts": 1, "days": 1}),
    ],
)
def test_what_is_named_changes_and_the_rest_stays(
    concord: Cli, api: FakeApi, words: tuple[str, ...], hours: object, cap: object
) -> None:
    """R-01, R-02, R-27: the API replaces a merchant as a whole, so the rest is sent with it."""
    api.on("GET", "/merchants/acme", _MERCHANT)
    api.on("PUT", "/merchants/acme", _MERCHANT)
    ran = concord("merchants", "set", "acme", *words)
    assert ran.exit_code == 0, ran.output
    [body] = api.bodies("PUT")
    assert {name: body[name] for name in _OWN} == {name: _MERCHANT[name] for name in _OWN}
    assert (body.get("quiet_hours"), body.get("frequency_cap")) == (hours, cap)
    MerchantPut.model_validate(body)


@pytest.mark.parametrize("word", ["frequency_cap", "allow_multi_link=true", "=4"])
def test_what_cannot_be_set_is_said_before_any_call(concord: Cli, api: FakeApi, word: str) -> None:
    """R-27: the route for several messaging accounts is another one, for operators alone."""
    assert concord("merchants", "set", "acme", word).exit_code == 2
    assert not api.requests
