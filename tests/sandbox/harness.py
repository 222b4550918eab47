"""Drives the sandbox in process: its calls go in over ASGI, its own calls land in a recorder."""

import asyncio
import base64
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from sandbox.app import build
from sandbox.platforms.text_em_all.oauth import base_string, sign

BASE = "http://sandbox.test"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


class Sandbox:
    """One sandbox and the Concord it talks to."""

    def __init__(self) -> None:
        self.received: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(204)
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._take))
        app, self.world = build(client)
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        return self.answer(request)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one call and let the background work it caused finish."""

        async def run() -> httpx.Response:
            response = await self._client.request(method, path, **options)
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
            return response

        return self._runner.run(run())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.call("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.call("PUT", path, **options)

    def seed(self, platform: str, account_id: str, **fields: Any) -> Any:
        response = self.put(f"/{platform}/_accounts/{account_id}", json=fields)
        assert response.status_code == 200, response.text
        return response.json()

    def fault(self, **fields: Any) -> None:
        response = self.post("/_faults", json=fields)
        assert response.status_code == 201, response.text

    def calls(self, platform: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/_calls?platform={platform}").json()
        return found

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


def oauth_header(
    method: str,
    url: str,
    *,
    key: str = "ck",
    token: str = "at",
    secret: str = "cs",
    **overrides: str,
) -> dict[str, str]:
    """Return a signed Authorization header for a URL as it is sent."""
    parameters = {
        "oauth_consumer_key": key,
        "oauth_token": token,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": secrets.token_hex(8),
        "oauth_version": "1.0",
    } | overrides
    base = base_string(method, url, list(parameters.items()))
    parameters.setdefault("oauth_signature", sign(base, secret))
    shown = ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in parameters.items())
    return {"Authorization": f"OAuth {shown}"}
