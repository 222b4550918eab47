"""OAuth 1.0a, the receiving side, from RFC 5849: HMAC-SHA1, header transport."""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

TIMESTAMP_TOLERANCE_SECONDS = 300
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PARAMETER = re.compile(r'\s*([A-Za-z0-9_%.~-]+)="([^"]*)"\s*')
_REQUIRED = frozenset(
    {
        "oauth_consumer_key",
        "oauth_token",
        "oauth_signature_method",
        "oauth_timestamp",
        "oauth_nonce",
        "oauth_signature",
    }
)


class OAuthError(Exception):
    """An Authorization header that is refused; the text is safe to show."""


@dataclass(frozen=True, slots=True)
class OAuthHeader:
    """A well-formed OAuth header; `parameters` are decoded."""

    parameters: dict[str, str]

    @property
    def consumer_key(self) -> str:
        return self.parameters["oauth_consumer_key"]

    @property
    def token(self) -> str:
        return self.parameters["oauth_token"]


def parse_header(value: str | None) -> OAuthHeader:
    """Read `Authorization: OAuth name="value", ...` (RFC 5849, 3.5.1)."""
    scheme, _, rest = (value or "").partition(" ")
    if scheme.lower() != "oauth":
        raise OAuthError("an OAuth header is required")
    parameters: dict[str, str] = {}
    for part in rest.split(","):
        found = _PARAMETER.fullmatch(part)
        if found is None:
            raise OAuthError("malformed OAuth header")
        name, decoded = unquote(found[1]), unquote(found[2])
        if name in parameters:
            raise OAuthError("duplicated OAuth parameter")
        parameters[name] = decoded
    if not all(parameters.get(name) for name in _REQUIRED):
        raise OAuthError("missing OAuth parameter")
    if parameters["oauth_signature_method"] != "HMAC-SHA1":
        raise OAuthError("unsupported signature method")
    if parameters.get("oauth_version", "1.0") != "1.0":
        raise OAuthError("unsupported OAuth version")
    return OAuthHeader(parameters)


def base_string(method: str, url: str, parameters: list[tuple[str, str]]) -> str:
    """Return the signature base string (3.4.1): method, base URI, normalised parameters.

    `parameters` are those of the header, decoded; the query of `url` is added here.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port not in (None, _DEFAULT_PORTS.get(scheme)):
        host = f"{host}:{parts.port}"
    query = parse_qsl(parts.query, keep_blank_values=True)
    encoded = sorted((_encode(name), _encode(value)) for name, value in [*query, *parameters])
    normalised = "&".join(f"{name}={value}" for name, value in encoded)
    return "&".join(
        _encode(part)
        for part in (method.upper(), f"{scheme}://{host}{parts.path or '/'}", normalised)
    )


def sign(base: str, consumer_secret: str, token_secret: str = "") -> str:
    """Return the HMAC-SHA1 signature (3.4.2); Text-Em-All's token secret is empty."""
    key = f"{_encode(consumer_secret)}&{_encode(token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


def verify(header: OAuthHeader, method: str, url: str, consumer_secret: str) -> None:
    """Raise OAuthError unless the signature fits the request exactly as it was received."""
    signed = [
        (name, value)
        for name, value in header.parameters.items()
        if name not in {"oauth_signature", "realm"}
    ]
    expected = sign(base_string(method, url, signed), consumer_secret)
    given = header.parameters["oauth_signature"]
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise OAuthError("wrong signature")


class Nonces:
    """Refuses stale timestamps and nonces seen before (3.3)."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str, str], float] = {}

    def check(self, header: OAuthHeader, now: float | None = None) -> None:
        """Take note of a header's nonce, or raise OAuthError."""
        at = time.time() if now is None else now
        stated = header.parameters["oauth_timestamp"]
        if not re.fullmatch(r"[0-9]{1,12}", stated):
            raise OAuthError("malformed timestamp")
        if abs(int(stated) - at) > TIMESTAMP_TOLERANCE_SECONDS:
            raise OAuthError("timestamp outside the allowed window")
        self._forget_before(at - 2 * TIMESTAMP_TOLERANCE_SECONDS)
        key = (header.consumer_key, header.token, stated, header.parameters["oauth_nonce"])
        if key in self._seen:
            raise OAuthError("nonce used before")
        self._seen[key] = at

    def _forget_before(self, limit: float) -> None:
        while self._seen and (oldest := next(iter(self._seen))) and self._seen[oldest] < limit:
            del self._seen[oldest]


def _encode(text: str) -> str:
    """Percent-encode everything but the unreserved characters (3.6)."""
    return quote(text, safe="-._~")
