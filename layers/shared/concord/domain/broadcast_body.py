"""The whole text of a broadcast: what was written, and the lines that the law adds to it."""

from __future__ import annotations

from datetime import date
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.law import footer_rules, missing_footer

# Ten segments: what carriers put together again on a handset, and what Twilio takes.
LONGEST_BODY: Final = 1600


def whole_body(text: str, country: str, merchant_name: str, on: date) -> str:
    """Return the text with every line that the merchant's country requires and it does not carry.

    Raises InvalidInputError naming `text`: it is empty, or too long with them.
    """
    written = text.strip()
    missing = (
        missing_footer(rule, written, merchant_name) for rule in footer_rules((country,), on)
    )
    body = "\n".join((written, *filter(None, missing)))
    if not written:
        raise _wrong("write something")
    if len(body) > LONGEST_BODY:
        added = f", {len(body) - len(written)} of them added by law" if body != written else ""
        raise _wrong(f"use at most {LONGEST_BODY} characters in all; these are {len(body)}{added}")
    return body


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError("bad text", errors=(FieldError("text", message),))
