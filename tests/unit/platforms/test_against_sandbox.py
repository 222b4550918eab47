"""Our clients against the sandbox's platforms: two readings of the same pages have to agree."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    RetryableError,
    ThrottledError,
)
from concord.domain.outbound import AccountFacts, Endpoint
from concord.domain.source import SourceGroup, SourceShopper
from concord.platforms.http import GuardedHttp
from concord.platforms.registry import PlatformRegistry
from sandbox.app import build
from tests.unit.platforms.kit import PUSH, TEXT

TEA = {"consumer_key": "K", "consumer_secret": "S", "access_token": "T"}
TWILIO = {"account_sid": "AC1", "auth_token": "token"}


class InProcess(httpx.BaseTransport):
    """Carries requests into an ASGI application."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._call(request))

    async def _call(self, request: httpx.Request) -> httpx.Response:
        forwarded = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.read()
        )
        answer = await httpx.ASGITransport(self._app).handle_async_request(forwarded)
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )


class Sandbox:
    """The sandbox in this process, and a registry that reaches it."""

    def __init__(self) -> None:
        app, _ = build()
        transport = InProcess(app)
        self.control = httpx.Client(transport=transport, base_url="http://sandbox.local")
        http = GuardedHttp(
            ["sandbox.local"],
            allow_private=True,
            resolver=lambda host, port: ["127.0.0.1"],
            transport=transport,
        )
        self.registry = PlatformRegistry(http=http)

    def seed(self, platform: str, account: str, **seed: Any) -> dict[str, Any]:
        answer = self.control.put(f"/{platform}/_accounts/{account}", json=seed)
        assert answer.is_success
        return dict(answer.json())

    def fault(self, **fault: Any) -> None:
        assert self.control.post("/_faults", json=fault).is_success


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def endpoint(platform: str, account: str, credentials: Mapping[str, str]) -> Endpoint:
    return Endpoint(account, f"http://sandbox.local/{platform}", {}, credentials)


def test_text_em_all(sandbox: Sandbox) -> None:
    """TEA-17, TEA-23, R-10: numbers, a text, its look-up, the opt state."""
    seed = {"text_numbers": ["+15558880100", "+15558880101"], "credentials": TEA}
    numbers = sandbox.seed("text_em_all", "tea-1", **seed)["text_numbers"]
    there = endpoint("text_em_all", "tea-1", TEA)
    checker = sandbox.registry.checker("text_em_all", there)
    sender = sandbox.registry.sender("text_em_all", there)
    peer = sandbox.registry.consent_peer("text_em_all", there)
    assert checker is not None
    assert sender is not None
    assert peer is not None
    assert checker.check() == AccountFacts(tuple((n["number"], str(n["id"])) for n in numbers))
    text = TEXT.__class__(
        TEXT.to, TEXT.body, TEXT.reference, TEXT.sends_from, str(numbers[0]["id"])
    )
    assert sender.find(text) is None
    assert sender.send(text) == sender.find(text)
    received = sandbox.control.get(f"/text_em_all/_handset/{TEXT.to}").json()
    assert [(r["from"], r["text"]) for r in received] == [("+15558880100", TEXT.body)]
    assert peer.set_consent(PUSH)
    contact = sandbox.control.get(f"/text_em_all/_contacts/{TEXT.to}").json()
    assert contact == {"opted_in": False}


def test_text_em_all_refuses_a_wrong_secret(sandbox: Sandbox) -> None:
    sandbox.seed("text_em_all", "tea-1", text_numbers=["+15558880100"], credentials=TEA)
    wrong = endpoint("text_em_all", "tea-1", {**TEA, "consumer_secret": "X"})
    checker = sandbox.registry.checker("text_em_all", wrong)
    assert checker is not None
    with pytest.raises(CredentialsRejectedError):
        checker.check()


def test_catapult(sandbox: Sandbox) -> None:
    """TEA-17: the shop shows the flag; a number nobody carries is unmatched."""
    shopper = {"id": "s-1", "phones": [{"number": "+15551230000", "opted_in": True}]}
    sandbox.seed("catapult", "cat-1", credentials={"api_key": "key"}, shoppers=[shopper])
    there = endpoint("catapult", "cat-1", {"api_key": "key"})
    peer = sandbox.registry.consent_peer("catapult", there)
    checker = sandbox.registry.checker("catapult", there)
    assert peer is not None
    assert checker is not None
    assert checker.check() == AccountFacts()
    assert peer.set_consent(PUSH) is True
    shown = sandbox.control.get("/catapult/_shoppers/cat-1/s-1").json()
    assert shown["phones"] == [{"number": "+15551230000", "opted_in": False}]
    other = PUSH.__class__("+15551239999", "sms", False, PUSH.changed_at, "push-0002")
    assert peer.set_consent(other) is False


def test_catapult_is_read_page_by_page(sandbox: Sandbox) -> None:
    """TEA-05, TEA-08: groups and shoppers with all their numbers, and no consent of theirs."""
    shoppers = [
        {"id": f"s-{n}", "phones": [f"+1555123{n:04d}", "+15551230000"], "groups": ["vip"]}
        for n in range(5)
    ]
    groups = [{"id": "vip", "name": "VIP"}]
    key = {"api_key": "key"}
    sandbox.seed("catapult", "cat-1", credentials=key, shoppers=shoppers, groups=groups)
    there = Endpoint("cat-1", "http://sandbox.local/catapult", {"paging": {"size": 2}}, key)
    source = sandbox.registry.shopper_source("catapult", there)
    assert source is not None
    assert source.groups(None).items == (SourceGroup("vip", "VIP"),)
    read: list[SourceShopper] = []
    cursor: str | None = None
    for _ in range(3):
        page = source.shoppers(cursor)
        read, cursor = [*read, *page.items], page.cursor
        assert page.total == 5
    assert cursor is None
    assert [each.shopper_id for each in read] == [each["id"] for each in shoppers]
    assert read[3].phones == ("+15551230003", "+15551230000")
    assert read[3].group_ids == ("vip",)


def test_twilio(sandbox: Sandbox) -> None:
    """R-07, R-10: a text, its look-up, and the block after STOP."""
    sandbox.seed("twilio", "AC1", text_numbers=["+15558880100"], credentials=TWILIO)
    there = endpoint("twilio", "AC1", TWILIO)
    sender, checker = (
        sandbox.registry.sender("twilio", there),
        sandbox.registry.checker("twilio", there),
    )
    assert sender is not None
    assert checker is not None
    assert checker.check() == AccountFacts()
    sent = sender.send(TEXT)
    assert sender.find(TEXT) == sent
    stop = {"from": TEXT.to, "to": TEXT.sends_from, "text": "STOP"}
    sandbox.control.post("/twilio/_handset", json=stop)
    with pytest.raises(OptedOutAtCarrierError):
        sender.send(TEXT)


@pytest.mark.parametrize("platform", ["text_em_all", "twilio"])
def test_ordered_faults(sandbox: Sandbox, platform: str) -> None:
    """Their 503 speaks for itself, so it is a retry; 429 says when."""
    credentials = TEA if platform == "text_em_all" else TWILIO
    account = "tea-1" if platform == "text_em_all" else "AC1"
    sandbox.seed(platform, account, text_numbers=["+15558880100"], credentials=credentials)
    sender = sandbox.registry.sender(platform, endpoint(platform, account, credentials))
    assert sender is not None
    sandbox.fault(platform=platform, status=503, times=1)
    with pytest.raises(RetryableError):
        sender.send(TEXT)
    sandbox.fault(platform=platform, status=429, retry_after=7, times=1)
    with pytest.raises(ThrottledError) as caught:
        sender.send(TEXT)
    assert caught.value.retry_after == 7.0
