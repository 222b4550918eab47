"""SigV4 over httpx: what leaves is what botocore would have signed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from botocore.credentials import Credentials

from cli.signing import SigV4, fixed_credentials
from sandbox.platforms.aws.sigv4 import parse, verify
from tests.unit.cli.sigv4 import expected_authorization

_BASE = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"


def send(method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    keys = Credentials("AKID", "secret", token)
    with httpx.Client(
        base_url=_BASE,
        auth=SigV4(keys, "execute-api", "eu-west-1"),
        transport=httpx.MockTransport(answer),
    ) as client:
        client.request(method, path, **options)
    return seen[0]


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/v1/health", {}),
        ("GET", "/v1/merchants/m/inbox", {"params": {"state": "failed", "cursor": "a+b/c="}}),
        ("POST", "/v1/connections/m.x1/consents/lookup", {"json": {"point": "+15551230000"}}),
        ("POST", "/v1/merchants/m/inbox/a%2Fb%20c/replay", {"json": {}}),
        ("PATCH", "/v1/connections/m.x1", {"json": {"texts": {"help": "Žádost é"}}}),
    ],
)
def test_the_header_is_botocores(method: str, path: str, options: dict[str, Any]) -> None:
    """R-27: the same command against AWS; queries, escapes and bodies are signed as sent."""
    request = send(method, path, **options)
    assert request.headers["Authorization"] == expected_authorization(request, "secret")


def test_an_independent_receiver_accepts_it_and_refuses_a_changed_body() -> None:
    request = send("POST", "/v1/connections/m.x1/state", json={"state": "paused"})
    authorization = parse(request.headers["Authorization"])
    assert authorization is not None
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.url.path
    assert verify(authorization, "secret", "POST", path, headers, request.content)
    assert not verify(authorization, "secret", "POST", path, headers, b'{"state":"connected"}')
    assert not verify(authorization, "other", "POST", path, headers, request.content)


def test_a_temporary_keys_token_is_sent_and_signed() -> None:
    request = send("GET", "/v1/health", token="session-token")
    assert request.headers["X-Amz-Security-Token"] == "session-token"
    assert "x-amz-security-token" in request.headers["Authorization"]
    assert request.headers["Authorization"] == expected_authorization(request, "secret")


def test_each_attempt_is_signed_anew() -> None:
    """A retry after a long pause must not carry the old request's date."""
    dates = [send("GET", "/v1/health").headers["X-Amz-Date"] for _ in range(2)]
    assert all(len(date) == len("20261121T083000Z") for date in dates)
    flow = SigV4(fixed_credentials("AKID", "secret"), "ssm", "us-east-1").auth_flow
    request = httpx.Request("GET", _BASE, headers={"X-Amz-Date": "19990101T000000Z"})
    assert next(flow(request)).headers["X-Amz-Date"] != "19990101T000000Z"
