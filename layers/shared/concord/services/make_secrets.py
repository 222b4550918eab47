"""The ids and secrets that we make: how long they are, and what they look like."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

type RandomBytes = Callable[[int], bytes]

_SECRET_BYTES: Final = 32


def new_scoped_id(merchant_id: str, random_bytes: RandomBytes, length: int = 10) -> str:
    """Return `<merchant_id>.<random>`, lower-case base32: `identity.merchant_of` reads it back."""
    random = base64.b32encode(random_bytes(length)).decode().lower()
    return f"{merchant_id}.{random[:length]}"


def new_token(random_bytes: RandomBytes) -> str:
    """Return the secret part of a webhook URL: 256 bits, safe in a path."""
    return base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).decode().rstrip("=")


def new_connect_key(random_bytes: RandomBytes) -> str:
    """Return a bearer key for the Connect API."""
    return "ck_" + new_token(random_bytes)


def new_webhook_secret(random_bytes: RandomBytes) -> str:
    """Return a signing secret in the spelling of Standard Webhooks."""
    return "whsec_" + base64.b64encode(random_bytes(_SECRET_BYTES)).decode()
