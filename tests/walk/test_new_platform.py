"""A platform that nobody has heard of: one folder, one line of the registry, and it works."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import concord.platforms
from concord.platforms import standard_webhooks
from concord.platforms.registry import PLATFORMS, _load, platform_named
from scripts.new_platform import REGISTRY, ROOT, scaffold
from tests.world.faults import settle
from tests.world.shop import Shop, new_number
from tests.world.world import World

NAME = "zeta_text"
API = "https://api.example.com"
HOST = "api.example.com"


class _Api(httpx.BaseTransport):
    """The made-up platform's API: takes texts. Everything else goes on to the sandbox."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.sent: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != HOST:
            return self._inner.handle_request(request)
        assert request.headers["authorization"] == "Bearer key-of-zeta"
        if request.url.path == "/account":
            return httpx.Response(200, json={})
        assert request.url.path == "/messages"
        self.sent.append(json.loads(request.read()))
        return httpx.Response(200, json={"id": f"m-{len(self.sent)}"})


@pytest.fixture(name="registered")
def _registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Scaffold the platform beside the checkout, and register it with its one line."""
    (tmp_path / REGISTRY).parent.mkdir(parents=True)
    shutil.copy(ROOT / REGISTRY, tmp_path / REGISTRY)
    scaffold(NAME, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = str((tmp_path / REGISTRY).parent)
    monkeypatch.setattr(concord.platforms, "__path__", [*concord.platforms.__path__, folder])
    monkeypatch.setitem(PLATFORMS, NAME, NAME)
    _load.cache_clear()
    yield
    _load.cache_clear()
    for module in [name for name in sys.modules if f"platforms.{NAME}" in name]:
        del sys.modules[module]


@pytest.fixture(name="api")
def _api(house: World, registered: None, monkeypatch: pytest.MonkeyPatch) -> _Api:
    monkeypatch.setenv("ALLOWED_HOSTS", f"sandbox.test,{HOST}")
    api = _Api(house.http.transport)
    house.http.transport = api
    house.cold()
    return api


def _receive(shop: Shop, event: dict[str, Any]) -> int:
    house = shop.world
    body = json.dumps(event).encode()
    stamp = int(house.clock.now().timestamp())
    headers = standard_webhooks.sign(shop.webhook_secret, str(event["id"]), stamp, body)
    path = shop.webhooks[NAME].split("/test", 1)[1]
    return int(house.receive(path, body, headers)["statusCode"])


def test_a_new_platform_carries_texts_and_brings_replies(house: World, api: _Api) -> None:
    """Promise 6: where it is and who confirms a STOP stand in its folder, and nowhere else."""
    ours, number = new_number(), new_number()
    credentials = {"api_key": "key-of-zeta"}
    shop = house.shop(sender={"platform": NAME, "from": ours, "credentials": credentials})
    shown = house.body(shop.admin("GET"))["settings"]["sender"]
    assert (shown["base_url"], shown["answers_stop"]) == (API, False)
    checked = house.body(shop.admin("POST", "/check"))
    assert checked["platforms"][NAME] == "ok"

    for words in ("JOIN", "STOP"):
        text = {"type": "inbound_text", "id": words, "from": number, "to": ours, "text": words}
        assert _receive(shop, text) == 204
        settle(house)
    assert shop.consent(number) == "opted_out"
    assert shop.contact(number) is False
    assert [(text["to"], text["from"]) for text in api.sent] == [(number, ours)] * 2
    assert "unsubscribed" in api.sent[1]["text"]

    receipt = {"type": "delivery", "id": "d", "status": "delivered", "message_id": "m-2"}
    assert _receive(shop, {**receipt, "reference": api.sent[1]["reference"]}) == 204
    rows = [row for row in house.rows("TU#") if row["pk"].endswith("opt_out_confirmation")]
    assert [row["payload"]["receipt"] for row in rows] == ["delivered"]


def test_a_platform_without_an_address_for_all_has_to_be_told(house: World, api: _Api) -> None:
    """Reliability 39: an empty address would pass by the guard and be called by nobody."""
    found = platform_named(NAME)
    assert found is not None
    object.__setattr__(found, "default_url", None)  # its own copy: it is imported for each test
    house.cold()
    shop = house.shop()
    sender = {"platform": NAME, "from": new_number(), "credentials": {"api_key": "k"}}
    refused = shop.admin("PATCH", "", {"settings": {"sender": sender}})
    [error] = house.body(refused)["errors"]
    assert (refused["statusCode"], error["field"]) == (422, "settings.sender.base_url")
    told = shop.admin("PATCH", "", {"settings": {"sender": {**sender, "base_url": f"{API}/v2"}}})
    assert told["statusCode"] == 200
    evil = {**sender, "base_url": "https://evil.example"}
    assert shop.admin("PATCH", "", {"settings": {"sender": evil}})["statusCode"] == 422
