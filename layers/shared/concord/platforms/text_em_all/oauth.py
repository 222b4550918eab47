"""OAuth 1.0a request signing, HMAC-SHA1, header transport (RFC 5849, sections 3.4 to 3.6)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Generator, Iterable
from typing import Final
from urllib.parse import parse_qsl, quote

import httpx

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def escape(text: str) -> str:
    """Percent-encode everything but the unreserved characters (3.6)."""
    return quote(text, safe="~")


def base_string(method: str, url: httpx.URL, parameters: Iterable[tuple[str, str]]) -> str:
    """Return what is signed (3.4.1): method, base URI, and all parameters sorted.

    The query's parameters are added to `parameters`; a JSON body takes no part.
    """
    port = url.port
    host = url.raw_host.decode("ascii").lower()
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS.get(url.scheme):
        host = f"{host}:{port}"
    path = url.raw_path.decode("ascii").partition("?")[0]
    query = parse_qsl(url.query.decode("ascii"), keep_blank_values=True)
    pairs = sorted((escape(name), escape(value)) for name, value in [*query, *parameters])
    normalised = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(
        escape(part) for part in (method.upper(), f"{url.scheme}://{host}{path}", normalised)
    )


def signature(base: str, consumer_secret: str, token_secret: str) -> str:
    """Return the HMAC-SHA1 signature of a base string (3.4.2)."""
    key = f"{escape(consumer_secret)}&{escape(token_secret)}".encode()
    return base64.b64encode(hmac.new(key, base.encode(), hashlib.sha1).digest()).decode()


class OAuth1(httpx.Auth):
    """Signs each request with a fresh timestamp and nonce."""

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        token: str,
        token_secret: str = "",
        *,
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._consumer_key = consumer_key
        self._consumer_secret = consumer_secret
        self._token = token
        self._token_secret = token_secret
        self._clock = clock
        self._nonce = nonce

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the Authorization header (3.5.1)."""
        parameters = {
            "oauth_consumer_key": self._consumer_key,
            "oauth_token": self._token,
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(int(self._clock())),
            "oauth_nonce": self._nonce(),
            "oauth_version": "1.0",
        }
        base = base_string(request.method, request.url, parameters.items())
        parameters["oauth_signature"] = signature(base, self._consumer_secret, self._token_secret)
        pairs = ", ".join(f'{name}="{escape(value)}"' for name, value in parameters.items())
        request.headers["Authorization"] = f"OAuth {pairs}"
        yield request
