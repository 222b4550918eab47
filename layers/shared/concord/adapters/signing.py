"""Ed25519 signatures of dossiers. The library is loaded when the first one is made or checked."""

from __future__ import annotations

import base64
import binascii


def new_key_pair() -> tuple[bytes, str]:
    """Return a private key (32 raw bytes) and its public key (base64 of 32 raw bytes)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), _text(private.public_key().public_bytes_raw())


def sign(private_key: bytes, statement: bytes) -> str:
    """Return the signature of `statement` in base64. ValueError: not a key of 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return _text(Ed25519PrivateKey.from_private_bytes(private_key).sign(statement))


def verify(public_key: str, statement: bytes, signature: str) -> bool:
    """Whether `signature` (base64) of `statement` was made with the key's private half. Total."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), statement)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
