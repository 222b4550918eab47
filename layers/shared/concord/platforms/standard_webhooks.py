"""Standard Webhooks v1: verify and sign (HMAC-SHA256 over `id.timestamp.body`).

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from typing import Final

from concord.domain.events import RawRequest, SecretValue

TOLERANCE_SECONDS: Final = 300
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"
# A sender that rotates sends two; more than this is somebody making us compare.
_MAX_SIGNATURES: Final = 16


def verify(request: RawRequest, secrets: Sequence[SecretValue]) -> bool:
    """Whether one of the usable secrets signed these bytes within 300 s of `received_at`.

    Total: no header, body or secret makes it raise. A timestamp must be plain digits, because the
    signature is made over the header as it stands.
    """
    message_id = request.headers.get(ID, "")
    timestamp = request.headers.get(TIMESTAMP, "")
    given = request.headers.get(SIGNATURE, "")
    if not message_id or not given or not _fresh(timestamp, request):
        return False
    usable = [secret.value for secret in secrets if secret.usable(request.received_at)]
    signed = _signed_bytes(message_id, timestamp, request.body)
    expected = [_digest(key, signed) for value in usable for key in _keys(value)]
    return _any_match(given.split(" "), expected)


def sign(
    secret: str, message_id: str, timestamp: int, body: bytes, *more_secrets: str
) -> dict[str, str]:
    """Return the three headers for `body`; several secrets give several signatures (rotation).

    Raises ValueError for a secret that holds no key.
    """
    signed = _signed_bytes(message_id, str(timestamp), body)
    signatures = []
    for value in (secret, *more_secrets):
        keys = _keys(value)
        if not keys:
            raise ValueError("the secret holds no key")
        signatures.append(_VERSION + _digest(keys[0], signed).decode())
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def _fresh(timestamp: str, request: RawRequest) -> bool:
    # isdecimal alone would let other scripts' digits through, and int() has no limit of its own.
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    return abs(request.received_at.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS


def _signed_bytes(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body


def _digest(key: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, signed, "sha256"))


def _keys(secret: str) -> list[bytes]:
    """Return the keys a secret may mean: `whsec_` is base64; without it, base64 or the raw text.

    The reference libraries read a bare secret as base64; some platforms sign with the text itself.
    """
    encoded = secret.removeprefix(_PREFIX)
    keys = []
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        keys.append(base64.b64decode(padded, validate=True))
    except (binascii.Error, ValueError):
        pass  # not base64: a raw secret, or a broken one that opens nothing
    if encoded == secret:
        keys.append(secret.encode("utf-8", "surrogatepass"))
    return [key for key in keys if key]


def _any_match(given: Iterable[str], expected: Sequence[bytes]) -> bool:
    # Every pair is compared, each in constant time: how long it takes tells nothing.
    entries = [
        entry.removeprefix(_VERSION).encode("utf-8", "surrogatepass")
        for entry in list(given)[:_MAX_SIGNATURES]
        if entry.startswith(_VERSION)
    ]
    matches = [hmac.compare_digest(entry, own) for entry in entries for own in expected]
    return any(matches)
