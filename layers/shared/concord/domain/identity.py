"""Keyed names: what stands in a key instead of a number, an address or a token."""

from __future__ import annotations

import hashlib
import hmac
import re
from enum import StrEnum

from concord.domain.errors import FieldError, InvalidInputError

_MERCHANT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,99}")
_MEMBER_LENGTH = 128
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class Channel(StrEnum):
    """Where a point can be reached."""

    SMS = "sms"
    EMAIL = "email"


def _bytes(text: str) -> bytes:
    # Half a surrogate pair is legal in JSON, and a text cut in mid-emoji has one: never fail on it.
    return text.encode("utf-8", "surrogatepass")


def point_id(stack_key: bytes, merchant_id: str, channel: Channel, point: str) -> str:
    """Return `v1.` + HMAC-SHA256 of the point, keyed by the stack and bound to the merchant.

    Two merchants never share a point id, and without the stack key nobody can test a guess.
    """
    message = _bytes("|".join((merchant_id, channel.value, point)))
    return "v1." + hmac.new(stack_key, message, hashlib.sha256).hexdigest()


def shopper_key(stack_key: bytes, connection_id: str, shopper_id: str) -> str:
    """Return the keyed name of a shopper: in many shops her number is her phone number."""
    message = _bytes(f"shopper|{connection_id}|{shopper_id}")
    return hmac.new(stack_key, message, hashlib.sha256).hexdigest()[:32]


def key_fingerprint(stack_key: bytes, connection_id: str) -> str:
    """Return what a connection remembers of the stack key, to notice a changed one."""
    return hmac.new(stack_key, f"connection|{connection_id}".encode(), hashlib.sha256).hexdigest()


def token_hash(token: str) -> str:
    """Return the SHA-256 of a path token or connect key: only this is ever stored."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def receipt_token(stack_key: bytes, connection_id: str) -> str:
    """Return the path token of receipts: derived, so that it can be named without being stored."""
    message = f"receipts|{connection_id}".encode()
    return hmac.new(stack_key, message, hashlib.sha256).hexdigest()


def event_key(event_id: str) -> str:
    """Return the key form of a sender's event id, which may be long, odd, or a phone number."""
    return hashlib.sha256(_bytes(event_id)).hexdigest()[:40]


def merchant_of(scoped_id: str) -> str:
    """Return the merchant in a connection or job id (`<merchant>.<random>`).

    Raises ValueError for anything that is not of that form, so that a forged id reads no row.
    """
    merchant_id, dot, rest = scoped_id.rpartition(".")
    if (
        not dot
        or not _MERCHANT_ID.fullmatch(merchant_id)
        or not re.fullmatch(r"[a-z0-9]{1,64}", rest)
    ):
        raise ValueError("not a scoped id")
    return merchant_id


def check_merchant_id(merchant_id: str) -> str:
    """Return the id, or raise InvalidInputError naming the rule."""
    if not _MERCHANT_ID.fullmatch(merchant_id):
        message = "use 1 to 48 letters, digits, '-' or '_', beginning with a letter or digit"
        raise InvalidInputError("bad merchant id", errors=(FieldError("merchant_id", message),))
    return merchant_id


def check_programme_id(programme_id: str) -> str:
    """Return the id, or raise InvalidInputError: it becomes part of a key."""
    if not _MERCHANT_ID.fullmatch(programme_id):
        message = "use 1 to 48 letters, digits, '-' or '_', beginning with a letter or digit"
        raise InvalidInputError("bad programme id", errors=(FieldError("programme_id", message),))
    return programme_id


def check_member(member: str, field: str = "member") -> str:
    """Return the merchant's own id of a member, as it is: it may be hers alone to read.

    Raises InvalidInputError for one that cannot be read out, or was not UTF-8 (U+FFFD): two such
    ids would be one account.
    """
    known = 1 <= len(member) <= _MEMBER_LENGTH and member.isprintable() and "\ufffd" not in member
    if not known or not member.strip():
        message = f"use 1 to {_MEMBER_LENGTH} printable characters in UTF-8"
        raise InvalidInputError("bad member id", errors=(FieldError(field, message),))
    return member


def check_account_id(account_id: str, field: str) -> str:
    """Return the id, or raise InvalidInputError: it becomes part of a key."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        message = "use 1 to 100 letters, digits or _ . : @ -"
        raise InvalidInputError("bad account id", errors=(FieldError(field, message),))
    return account_id


def normalise_email(text: str, field: str = "point") -> str:
    """Return the address in lower case, trimmed. Raises InvalidInputError `invalid_email`."""
    address = text.strip().lower()
    # Unprintable: control and zero-width characters, and halves of surrogate pairs.
    if len(address) > 254 or not address.isprintable() or not _EMAIL.fullmatch(address):
        raise InvalidInputError(
            "not an e-mail address",
            code="invalid_email",
            errors=(FieldError(field, "give an address such as name@example.com"),),
        )
    return address


def member_key(stack_key: bytes, merchant_id: str, programme_id: str, member: str) -> str:
    """Return our keyed name for a member of a programme: 32 hex digits that say nothing of her.

    `member` is the merchant's own id of her, the same whichever of his systems names her.
    """
    message = _bytes(f"member|{merchant_id}|{programme_id}|{member}")
    return hmac.new(stack_key, message, hashlib.sha256).hexdigest()[:32]
