"""Merchants over the admin API."""

from __future__ import annotations

import pytest

from tests.integration.admin.calls import MERCHANT, call, new_connection, ok, refused
from tests.world.shop import Shop
from tests.world.world import World

OPERATOR = "arn:aws:sts::123456789012:assumed-role/ConcordOperator/ana"


def _operators(house: World, monkeypatch: pytest.MonkeyPatch, patterns: str) -> None:
    monkeypatch.setenv("OPERATOR_ARNS", patterns)
    house.cold()


def test_a_merchant_is_put_and_shown(house: World) -> None:
    """R-27: PUT replaces; the switch of TEA-04 is not part of it."""
    hours = {"from": "09:00", "to": "20:00", "days": {"sat": None}}
    body = {**MERCHANT, "quiet_hours": hours, "frequency_cap": {"texts": 4, "days": 7}}
    put = ok(house, "PUT", "/v1/merchants/m1", body)
    assert put == ok(house, "GET", "/v1/merchants/m1")
    assert put["allow_multi_link"] is False
    assert put["quiet_hours"] == hours
    assert put["frequency_cap"] == body["frequency_cap"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"country": "usa"}, "country"),
        ({"name": ""}, "name"),
        ({"allow_multi_link": True}, "allow_multi_link"),
        ({"quiet_hours": {"from": "20:00", "to": "08:00"}}, "quiet_hours.to"),
        ({"quiet_hours": []}, "quiet_hours"),
        ({"frequency_cap": {"texts": 0, "days": 7}}, "frequency_cap.texts"),
    ],
)
def test_a_wrong_field_is_named(house: World, change: dict[str, object], field: str) -> None:
    """R-27: validation errors list fields."""
    status, code, fields = refused(house, "PUT", "/v1/merchants/m1", {**MERCHANT, **change})
    assert (status, code, fields) == (422, "invalid_request", [field])


def test_an_id_that_cannot_be_a_key_is_refused(house: World) -> None:
    """R-32: ids become parts of keys."""
    assert refused(house, "PUT", "/v1/merchants/a%23b", MERCHANT)[::2] == (422, ["merchant_id"])
    assert refused(house, "GET", "/v1/merchants/nobody")[:2] == (404, "not_found")


def test_connections_take_over_name_and_country(house: World, shop: Shop) -> None:
    """TEA-17: texts name the merchant as it is called now."""
    ok(house, "PUT", "/v1/merchants/m1", {**MERCHANT, "name": "Grün", "country": "DE"})
    shown = ok(house, "GET", f"/v1/connections/{shop.connection_id}")
    assert (shown["merchant_name"], shown["country"]) == ("Grün", "DE")
    assert shown["state"] == "connected"


@pytest.mark.parametrize(
    ("patterns", "caller", "status"),
    [
        ("arn:aws:sts::*:assumed-role/ConcordOperator/*", OPERATOR, 200),
        (f"arn:other,{OPERATOR}", OPERATOR, 200),
        ("*", "", 200),
        ("arn:aws:sts::*:assumed-role/ConcordOperator/*", OPERATOR.replace("Operator", "X"), 403),
        ("arn:*", "", 403),
        ("", OPERATOR, 403),
        ("", "", 403),
    ],
)
def test_only_an_operator_allows_several_accounts(
    house: World, monkeypatch: pytest.MonkeyPatch, patterns: str, caller: str, status: int
) -> None:
    """TEA-04: only an operator role can set allow_multi_link; no identity needs the pattern *."""
    _operators(house, monkeypatch, patterns)
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    path = "/v1/merchants/m1/allow-multi-link"
    assert call(house, "PUT", path, {"allowed": True}, user_arn=caller)[0] == status
    allowed = ok(house, "GET", "/v1/merchants/m1")["allow_multi_link"]
    assert allowed is (status == 200)
    ok(house, "PUT", "/v1/merchants/m1", {**MERCHANT, "name": "Other"})
    assert ok(house, "GET", "/v1/merchants/m1")["allow_multi_link"] is allowed


def test_with_it_consent_is_kept_per_account(house: World) -> None:
    """TEA-03, TEA-04: one shop, two messaging accounts; records show which."""
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    path = "/v1/merchants/m1/connections"
    first = ok(house, "POST", path, new_connection("tea-1", "cat-1"))["connection_id"]
    assert call(house, "POST", path, new_connection("tea-2", "cat-1"))[0] == 409
    ok(house, "PUT", "/v1/merchants/m1/allow-multi-link", {"allowed": True})
    second = ok(house, "POST", path, new_connection("tea-2", "cat-1"))["connection_id"]
    for connection_id in (first, second):
        for state in ("pending", "connected"):
            ok(house, "POST", f"/v1/connections/{connection_id}/state", {"state": state})
    imported = {"import_id": "i", "attestation": "forms", "rows": [{"point": "+12125550100"}]}
    ok(house, "POST", f"/v1/connections/{first}/consent-imports", imported)
    seen = [
        ok(house, "POST", f"/v1/connections/{c}/consents/lookup", {"point": "+12125550100"})
        for c in (first, second)
    ]
    assert [(s["account"], s["state"]) for s in seen] == [
        ("text_em_all:tea-1", "opted_in"),
        ("text_em_all:tea-2", "unknown"),
    ]
