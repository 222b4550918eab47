"""What every platform's tests share: cases for the conformance suite, fixtures, a guarded fake."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, settings

from concord.domain.contacts import Contact, NewList, credit_changed
from concord.domain.events import ParsedWebhook, PlatformEvent, RawRequest, SecretValue
from concord.domain.outbound import BulkText, ConsentPush, OutboundText
from concord.domain.times import to_rfc3339
from concord.platforms.base import Http
from concord.platforms.http import GuardedHttp
from concord.ports import (
    AccountChecker,
    BulkSender,
    ConsentPeer,
    ContactPeer,
    ShopperSource,
    TextSender,
)

NOW = datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "events" / "webhooks"
TEXT = OutboundText(
    to="+15551230000",
    body="You are opted out.",
    reference="confirmation-0001",
    sends_from="+15558880100",
    sends_from_id="1001",
    attempted_at=NOW,
)
BULK = BulkText(
    recipients=((0, "+15551230000"), (3, "+15551230001"), (4, "+15551230002")),
    body="Fresh bread until six.",
    reference="20260301t100000-0a1b2c3d.000001.4",
    sends_from="+15558880100",
    sends_from_id="1001",
    attempted_at=NOW,
)
PUSH = ConsentPush(
    point="+15551230000",
    channel="sms",
    opted_in=False,
    changed_at=NOW,
    idempotency_key="push-0001",
    shopper_ids=("s-1", "s-2"),
)
CONTACT = Contact(
    email="jan@novak.example",
    first_name="Jan",
    last_name="Novak",
    phone="+420601123456",
    fields={"ellity_credit": "120", "ellity_credit_num": 120, "ellity_pin": "4711"},
)
NEW_LIST = NewList("Customers", "Shop", "shop@shop.example", "reply@shop.example")
EVENT = credit_changed(CONTACT.email, 120, 20)

# reliability.md 2 asks for 100,000 mutated webhooks of each platform: `make fuzz` runs them.
_QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("fuzz", max_examples=2_000, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("quick", settings.get_profile("fuzz"), max_examples=50)
settings.register_profile("thorough", settings.get_profile("fuzz"), max_examples=100_000)
FUZZ = settings.get_profile(os.environ.get("CONCORD_FUZZ", "fuzz"))
TOGETHER = 10  # webhooks that one example mutates
FUZZ_WEBHOOKS = settings(FUZZ, max_examples=FUZZ.max_examples // TOGETHER)

type Handler = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Answer:
    """What the platform's end does with a request: an answer, or a way of being lost."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: str = ""


LOST: Mapping[str, type[httpx.TransportError]] = {
    "refused": httpx.ConnectError,
    "connect_timeout": httpx.ConnectTimeout,
    "read_timeout": httpx.ReadTimeout,
    "reset": httpx.ReadError,
    "closed": httpx.RemoteProtocolError,
}


@dataclass(frozen=True)
class WebhookCase:
    """How a platform signs: `sign` adds the good headers to a request received at NOW.

    `unsigned` = it does not sign at all: the URL alone says who calls.
    """

    sign: Callable[[RawRequest], RawRequest] = lambda request: request
    signature_headers: tuple[str, ...] = ()
    expires: bool = False
    unsigned: bool = False
    secrets: tuple[SecretValue, ...] = ()
    credentials: Mapping[str, str] = field(default_factory=dict)
    wrong_secrets: tuple[SecretValue, ...] = ()
    wrong_credentials: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BulkCase:
    """A text to many: the answers that take BULK, that find it, and that say it never came.

    `silent` are answers of a look-up that prove nothing: a filter that was not applied.
    """

    sender: Callable[[Answer], BulkSender]
    accepted: bytes
    message_id: str
    nobody_left: bytes
    found: bytes
    absent: bytes
    silent: Sequence[bytes]


@dataclass(frozen=True)
class PlatformCase:
    """One platform as the conformance suite drives it. What it lacks stays None.

    `push` is a consent of a channel that its peer keeps. `accepted` and `refused` are bodies as the
    platform writes them.
    """

    name: str
    webhook: WebhookCase | None = None
    parse: Callable[[RawRequest, Mapping[str, Any]], ParsedWebhook] | None = None
    sender: Callable[[Answer], TextSender] | None = None
    bulk: BulkCase | None = None
    peer: Callable[[Answer], ConsentPeer] | None = None
    push: ConsentPush = PUSH
    source: Callable[[Answer], ShopperSource] | None = None
    contacts: Callable[[Answer], ContactPeer] | None = None
    checker: Callable[[Answer], AccountChecker] | None = None
    accepted: bytes = b"{}"
    message_id: str = ""
    refused: bytes = b"{}"


def case_of(folder: str) -> PlatformCase:
    """Return the CASE that a platform's tests declare."""
    case = importlib.import_module(f"tests.unit.platforms.{folder}.case").CASE
    assert isinstance(case, PlatformCase)
    return case


@dataclass(frozen=True)
class Fixture:
    """One golden file of events/webhooks."""

    path: Path
    request: RawRequest
    settings: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]

    @property
    def event(self) -> str:
        return self.path.stem.partition("__")[0]


def fixtures_of(folder: str) -> list[Fixture]:
    """Read a platform's golden files."""
    return [_read(path) for path in sorted((FIXTURES / folder).glob("*.json"))]


def _read(path: Path) -> Fixture:
    stored = json.loads(path.read_text())
    query = tuple(stored["query"].items())
    request = RawRequest(
        method="POST",
        headers=stored["headers"],
        body=stored["body"].encode(),
        received_at=NOW,
        url="https://hooks.example.com/v1/webhooks/p/m.1/token" + ("?" if query else ""),
        query=query,
    )
    if query:
        url = request.url + "&".join(f"{name}={value}" for name, value in query)
        request = dataclasses.replace(request, url=url)
    return Fixture(path, request, stored.get("settings", {}), stored["events"])


def with_headers(request: RawRequest, headers: Mapping[str, str]) -> RawRequest:
    """Return the request with more headers."""
    return dataclasses.replace(request, headers={**request.headers, **headers})


def describe(event: PlatformEvent) -> dict[str, Any]:
    """Return an event as golden files spell it: class name, values, nothing that is None."""
    values = {"event": type(event).__name__, **dataclasses.asdict(event)}
    return {
        name: to_rfc3339(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None
    }


def guarded(handler: Handler, host: str = "api.example.com") -> Http:
    """Return the real guarded client factory over a fake resolver and a fake network."""
    return GuardedHttp(
        [host],
        resolver=lambda name, port: ["93.184.216.34"],
        transport=httpx.MockTransport(handler),
    )


def answering(answer: Answer) -> Http:
    """Return a guarded factory whose network gives this one answer to everything."""

    def handle(request: httpx.Request) -> httpx.Response:
        if answer.lost:
            raise LOST[answer.lost]("lost", request=request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    return guarded(handle)
