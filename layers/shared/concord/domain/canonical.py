"""Canonical JSON and the hashes made of it: the same value is the same bytes, for ever."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Return `value` as JSON: keys sorted, no spaces, UTF-8, no NaN.

    Evidence hashes are made over these bytes, so this function may never change its output.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def storable(text: str) -> str:
    """Return the text with halves of surrogate pairs replaced: no store or file would take them.

    Half a pair is legal in JSON, and a text that was cut in mid-emoji has one.
    """
    return (
        text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    )


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
