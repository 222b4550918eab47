"""The dossier's public key: read it from wherever somebody has it, and check signatures with it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cli.errors import usage_error


def read_public_key(text: str) -> Ed25519PublicKey:
    """Read base64, or `@file` that holds it. Raises CommandError."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise usage_error(f"the key file cannot be read: {error}") from error
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise usage_error(
            "this is not a dossier's public key: it is base64 of 32 bytes, 44 characters",
            "concord setup and concord health show it",
        ) from None


def signature_check(key: Ed25519PublicKey) -> Callable[[bytes, str], bool]:
    """Return what `verify_dossier` asks about the signature."""

    def is_good(statement: bytes, signature: str) -> bool:
        try:
            key.verify(base64.b64decode(signature, validate=True), statement)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return is_good
