"""X-Twilio-Signature: HMAC-SHA1 over the URL Twilio called and the form it sent.

Source: twilio-python, twilio/request_validator.py and its published vectors.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from concord.domain.events import RawRequest
from concord.platforms.twilio.form import is_form, read_form

HEADER: Final = "x-twilio-signature"
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def sign(auth_token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """Return the signature: parameters sorted by name, then value; a repeated pair counts once."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    key = auth_token.encode("utf-8", "surrogatepass")
    digest = hmac.new(key, signed.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def verify(request: RawRequest, auth_tokens: Sequence[str]) -> bool:
    """Whether one of the auth tokens signed this request. Total: nothing makes it raise."""
    given = request.headers.get(HEADER, "").encode("utf-8", "surrogatepass")
    url = _called_url(request)
    if request.method == "POST" and is_form(request):
        form = read_form(request.body)
    else:
        form = []
        if request.body and not _body_is_hashed(url, request.body):
            return False  # a body that is not signed at all
    matches = [
        hmac.compare_digest(given, sign(token, variant, form).encode())
        for token in auth_tokens
        if token
        for variant in url_variants(url)
    ]
    return any(matches)


def url_variants(url: str) -> tuple[str, ...]:
    """Return the URL with and without its port: Twilio signs one or the other."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return (url,)
    host = f"[{host}]" if ":" in host else host
    user, at, _ = parts.netloc.rpartition("@")
    with_port = f"{user}{at}{host}:{port or _DEFAULT_PORTS.get(parts.scheme, 443)}"
    bare, full = (
        parts._replace(netloc=netloc).geturl() for netloc in (f"{user}{at}{host}", with_port)
    )
    return tuple(dict.fromkeys((url, bare, full)))


def _called_url(request: RawRequest) -> str:
    if "?" in request.url or not request.query:
        return request.url
    return f"{request.url}?{urlencode(request.query)}"


def _body_is_hashed(url: str, body: bytes) -> bool:
    try:
        stated = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    except ValueError:
        return False
    actual = hashlib.sha256(body).hexdigest()
    return hmac.compare_digest(stated.lower().encode("utf-8", "surrogatepass"), actual.encode())
