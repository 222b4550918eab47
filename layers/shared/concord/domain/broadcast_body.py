"""The whole text of a broadcast: what was written, and the lines that the law adds to it."""

from __future__ import annotations

from datetime import date
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.law import footer_rules, missing_footer
from concord.domain.segments import Segments, count_segments

# What carriers put together again on a handset; of more they cut the end off, or refuse it all.
MOST_SEGMENTS: Final = 10


def whole_body(text: str, country: str, merchant_name: str, on: date) -> str:
    """Return the text with every line that the merchant's country requires and it does not carry.

    Raises InvalidInputError naming `text`: it is empty, or too long with them.
    """
    written = text.strip()
    if not written:
        raise _wrong("write what the shoppers shall read")
    missing = (
        missing_footer(rule, written, merchant_name) for rule in footer_rules((country,), on)
    )
    body = "\n".join((written, *filter(None, missing)))
    found = count_segments(body)
    if found.segments > MOST_SEGMENTS:
        raise _wrong(_too_long(found, len(body) - len(written)))
    return body


def _too_long(found: Segments, added: int) -> str:
    said = f"use at most {MOST_SEGMENTS} segments; these are {found.segments}"
    if added:
        said += f", with {added} characters added by law"
    if found.forcing is not None:
        named = f"{found.forcing.char} ({found.forcing.code_point})"
        said += f"; {named} is not in GSM-7, so that one holds 67 characters instead of 153"
    return said


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError("bad text", errors=(FieldError("text", message),))
