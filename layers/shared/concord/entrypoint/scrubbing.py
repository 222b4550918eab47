"""Masks what must never stand in a log: numbers, addresses, secrets, path tokens (bar 37)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MASK: Final = "***"
_SECRET: Final = (
    r"[\w-]{0,40}(?:token|secret|password|passwd|authorization|signature|credential"
    r"|(?:api|connect|consumer|access|stack)[_-]?key)[\w-]{0,40}"
)
_SECRET_NAME: Final = re.compile(_SECRET, re.IGNORECASE)
# Fields that hold personal words even where these do not look like a number or an address.
_PERSONAL_NAME: Final = re.compile(
    r"phone|point|email|body|text|(first_|last_)?name|shopper_id", re.IGNORECASE
)

# Order matters: whole secrets first, then what is left of numbers. Every quantifier in front of a
# fixed character is bounded, so that a hostile 256 KB string is still scanned in linear time.
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"whsec_[A-Za-z0-9+/=_-]+"), f"whsec_{MASK}"),
    (re.compile(r"\bck_[A-Za-z0-9_-]{8,}"), f"ck_{MASK}"),
    # A bare path token: 256 random bits in URL-safe base64, which no id of ours looks like.
    (re.compile(r"(?<![\w.-])(?=[\w-]{0,42}[A-Z])[A-Za-z0-9_-]{43}(?![\w-])"), MASK),
    (re.compile(r"\b(bearer|basic)\s{1,4}[^\s\"',;]+", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\b(oauth)\s{1,4}(?=\w{1,40}=)[^\r\n]*", re.IGNORECASE), rf"\1 {MASK}"),
    (
        re.compile(
            # The quotes may be escaped: JSON inside JSON.
            rf"\b({_SECRET}\\{{0,2}}[\"']?\s{{0,4}}[:=]\s{{0,4}})"
            r"b?(?:\\{0,2}\"[^\"]*\"|'[^']*'|[^\s\"',;&})]+)",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(/webhooks/[^/\s]{1,64}/[^/\s]{1,128}/)[^/\s\"'?#]+"), rf"\1{MASK}"),
    (re.compile(r"(/(?:consents/[^/\s]{1,16}|shoppers)/)[^/\s\"'?#]+"), rf"\1{MASK}"),
    (
        re.compile(r"[^\s@<>()\[\]{}\"',:;=/]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}"),
        MASK,
    ),
)
# Ids that people must be able to search for stay whole: UUIDs, hashes, point ids, evidence, texts
# (a piece of a hash and a purpose), kept bodies and broadcasts (a time and a piece of a hash).
_NUMBERS: Final = re.compile(
    r"(?P<keep>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b(?:v1\.)?[0-9a-f]{32,64}\b"
    r"|\bev_[0-9a-f]{24}\b|\b[0-9a-f]{24}-[a-z_]{4,40}\b|\b\d{8}T\d{6,12}-[0-9a-f]{12}\b"
    r"|\b\d{8}t\d{6}-[0-9a-f]{8}\b)"
    r"|\+\d(?:[\s().-]{0,3}\d){6,16}"  # +1 (415) 555-0100
    r"|\(?\b\d{3}\)?[\s.-]{1,2}\d{3}[\s.-]\d{4}\b"  # (415) 555-0100
    r"|\+?\d{7,}"
)
_LEAST_NUMBER: Final = 1_000_000


def scrub(text: str) -> str:
    """Return `text` with everything masked that looks personal or secret. Idempotent."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _NUMBERS.sub(lambda match: match["keep"] or MASK, text)


def scrub_value(value: Any) -> Any:
    """Return `value` scrubbed all the way down, as something that JSON can hold."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # A phone number does not stop being one because somebody parsed it.
        return MASK if abs(value) >= _LEAST_NUMBER else value
    if isinstance(value, Mapping):
        return {scrub(str(name)): _named(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub_value(inner) for inner in value]
    return scrub(value if isinstance(value, str) else str(value))


def _named(name: str, value: Any) -> Any:
    if value and (_SECRET_NAME.fullmatch(name) or _PERSONAL_NAME.fullmatch(name)):
        return MASK
    return scrub_value(value)
