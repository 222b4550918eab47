"""Middleware around the platforms: records every call they get and lets faults act."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.clock import stamp
from sandbox.drop import drop
from sandbox.faults import Fault, FaultBook
from sandbox.platforms.base import Platform

_SECRET_HEADERS = frozenset({"authorization", "cookie", "key", "x-api-key", "x-amz-security-token"})


@dataclass(slots=True)
class Call:
    """One request to a platform; `status` stays null until it is answered."""

    at: str
    platform: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    status: int | None = None
    answer_lost: bool = False

    def view(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Recorder:
    """Outermost ASGI layer of the platforms' port."""

    def __init__(
        self, app: ASGIApp, calls: list[Call], faults: FaultBook, platforms: dict[str, Platform]
    ) -> None:
        self._app = app
        self._calls = calls
        self._faults = faults
        self._platforms = platforms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        platform = self._platform(scope)
        if platform is None:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        call = _describe(scope, platform.name, body)
        self._calls.append(call)
        fault = self._faults.take(platform.name, call.method, _aliases(call.path, platform))
        await self._answer(_Exchange(scope, receive, send, body), call, platform, fault)

    def _platform(self, scope: Scope) -> Platform | None:
        """Return the platform a request is for; control calls belong to none."""
        if scope["type"] != "http":
            return None
        first, _, rest = scope["path"].lstrip("/").partition("/")
        return None if rest.startswith("_") else self._platforms.get(first)

    async def _answer(
        self, exchange: "_Exchange", call: Call, platform: Platform, fault: Fault | None
    ) -> None:
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        lost = fault is not None and (fault.lose_answer or fault.status == 0)
        call.answer_lost = lost

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            if not lost:
                await exchange.send(message)

        if fault is None or fault.status is None:
            await self._app(exchange.scope, exchange.replay(), send)
        elif fault.status:
            response = platform.fault_answer(fault.status, fault.code)
            if fault.retry_after is not None:
                response.headers["Retry-After"] = str(fault.retry_after)
            await response(exchange.scope, exchange.receive, send)
        if lost:
            await drop(exchange.receive, exchange.send)


@dataclass(frozen=True, slots=True)
class _Exchange:
    scope: Scope
    receive: Receive
    send: Send
    body: bytes

    def replay(self) -> Receive:
        """Return a `receive` that yields the body that was already read."""
        unread = [True]

        async def receive() -> Message:
            if unread:
                unread.pop()
                return {"type": "http.request", "body": self.body, "more_body": False}
            return await self.receive()

        return receive


async def read_body(receive: Receive) -> bytes:
    """Read a whole request body."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _describe(scope: Scope, platform: str, body: bytes) -> Call:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    query = scope["query_string"].decode("latin-1")
    decoded = _decode(headers.get("content-type", ""), body)
    path = scope["path"]
    shown = {name: _redact(name, value) for name, value in headers.items()}
    return Call(stamp(), platform, scope["method"], path, query, shown, decoded)


def _redact(name: str, value: str) -> str:
    if name not in _SECRET_HEADERS:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} [redacted]" if space else "[redacted]"


def _decode(content_type: str, body: bytes) -> Any:
    """Show JSON as its value, a form as names and values, anything else as text."""
    text = body.decode(errors="replace")
    if content_type.startswith("application/x-www-form-urlencoded"):
        form = parse_qs(text, keep_blank_values=True)
        return {name: values[0] if len(values) == 1 else values for name, values in form.items()}
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _aliases(path: str, platform: Platform) -> list[str]:
    """Return the ways a test may name a path: in full, or as the platform's own documents do."""
    own = path.removeprefix(f"/{platform.name}") or "/"
    short = own.removeprefix(platform.version_prefix) or "/"
    return [path, own, short]
