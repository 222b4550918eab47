"""Webhooks that have no id: each delivery is an event of its own, and repeats change nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from concord.entrypoint import http
from concord.platforms.ecomail.webhook import WEBHOOK as ECOMAIL
from concord.platforms.ellity.webhook import WEBHOOK as ELLITY
from concord.platforms.neutral import NeutralWebhook
from concord.ports import WebhookAdapter
from tests.world.shop import Shop
from tests.world.world import World

ADDRESS = "ana@example.com"


@pytest.fixture(name="open_shop")
def _open_shop(house: World) -> Shop:
    return house.shop(require_signature=False)


def _speaks(monkeypatch: pytest.MonkeyPatch, adapter: WebhookAdapter) -> None:
    """Let the shop's side post as another platform does."""
    monkeypatch.setattr(
        NeutralWebhook, "parse", lambda self, request, settings: adapter.parse(request, settings)
    )


def _posts(shop: Shop, body: dict[str, Any]) -> int:
    path = shop.webhooks["catapult"].split("/test", 1)[1]
    return int(shop.world.receive(path, json.dumps(body).encode(), {})["statusCode"])


def _list_webhook(status: str, list_id: int = 7) -> dict[str, Any]:
    payload = {"email": ADDRESS, "status": status, "listId": list_id, "campaignId": None}
    return {"payload": payload}


def _inbox(shop: Shop) -> list[dict[str, Any]]:
    listed = shop.world.admin("GET", f"/v1/merchants/{shop.merchant_id}/inbox")
    return list(shop.world.body(listed)["items"])


def _replay_all(shop: Shop) -> None:
    for entry in _inbox(shop):
        where = f"/v1/merchants/{shop.merchant_id}/inbox/{entry['inbox_id']}/replay"
        assert shop.world.admin("POST", where)["statusCode"] == 200


def test_an_opt_out_without_an_id_counts_at_once(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-13: a repeat is no conflict and changes no state; a replay of ours adds nothing."""
    _speaks(monkeypatch, ECOMAIL)
    assert _posts(open_shop, _list_webhook("UNSUBSCRIBED")) == 204
    assert open_shop.consent(ADDRESS, "email") == "opted_out"
    open_shop.world.clock.advance(timedelta(seconds=1))
    assert _posts(open_shop, _list_webhook("UNSUBSCRIBED")) == 204
    assert [entry["state"] for entry in _inbox(open_shop)] == ["processed"] * 2
    settled = open_shop.world.rows("C#")
    _replay_all(open_shop)
    assert open_shop.world.rows("C#") == settled
    assert open_shop.consent(ADDRESS, "email") == "opted_out"


def test_one_delivery_that_is_worked_off_twice_is_one_event(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-13: the safety queue may bring a body twice; it was received once."""
    _speaks(monkeypatch, ECOMAIL)
    received_at = open_shop.world.clock.now()
    monkeypatch.setattr(http, "_now", lambda: received_at)
    assert _posts(open_shop, _list_webhook("UNSUBSCRIBED")) == 204
    settled = open_shop.world.rows("C#")
    assert _posts(open_shop, _list_webhook("UNSUBSCRIBED")) == 204
    assert open_shop.world.rows("C#") == settled


def test_the_list_stands_in_the_evidence(open_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """ECO-13: which list she left can be shown."""
    _speaks(monkeypatch, ECOMAIL)
    _posts(open_shop, _list_webhook("UNSUBSCRIBED", list_id=4242))
    assert "4242" in json.dumps(open_shop.world.rows("C#"), default=str)


def test_a_subscription_waits_for_its_proof(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-13, R-32: anybody who knows the URL could say so."""
    _speaks(monkeypatch, ECOMAIL)
    assert _posts(open_shop, _list_webhook("SUBSCRIBED")) == 204
    assert open_shop.consent(ADDRESS, "email") == "unknown"
    assert [entry["state"] for entry in _inbox(open_shop)] == ["kept"]


def test_a_changed_credit_is_kept_and_touches_no_consent(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-07: the body waits for the export; no consent follows from it."""
    _speaks(monkeypatch, ELLITY)
    body = {"event": "credit", "id": "8812", "email": ADDRESS, "credit": "120", "delta": "20"}
    assert _posts(open_shop, body) == 204
    assert [entry["state"] for entry in _inbox(open_shop)] == ["kept"]
    assert open_shop.world.rows("C#") == []
    _replay_all(open_shop)
    assert open_shop.world.rows("C#") == []
