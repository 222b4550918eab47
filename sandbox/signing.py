"""Signatures that the simulated platforms put on their own requests."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

_SECRET_PREFIX = "whsec_"


def standard_webhook_headers(
    secret: str, message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Sign a body after Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`."""
    encoded = secret.removeprefix(_SECRET_PREFIX)
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def twilio_signature(auth_token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """Sign a form post as Twilio does: HMAC-SHA1 over the URL and the sorted parameters."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
