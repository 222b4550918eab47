"""Seeded numbers, addresses, names and tokens, and what finds them in whatever is put out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# Shared builders give these to people; nobody else is called so, whatever a test is about.
FIRST_NAME: Final = "Canarina"
LAST_NAME: Final = "Zwitscher"
# What shared builders use as a credential begins so; what follows tells them apart.
SECRET: Final = "SECRET-"

# Every number of ours is in E.164, or one of these areas without its plus. Every address ends like
# an example's. Secrets are as services/new_secrets.py makes them.
PATTERNS: Final = (
    re.compile(r"(?<![0-9A-Za-z])(?:\+|%2B)[1-9]\d{9,14}(?![0-9A-Za-z])", re.IGNORECASE),
    re.compile(r"(?<![0-9A-Za-z.])(?:1?555|1(?:202|212|415|888))\d{7}(?![0-9A-Za-z])"),
    re.compile(r"[^\s\"'<>@/]+(?:@|%40)[\w.-]*example\.(?:com|org|net)", re.IGNORECASE),
    re.compile(r"whsec_[A-Za-z0-9+/=]{8,}"),
    re.compile(r"\bck_[A-Za-z0-9_-]{8,}"),
    re.compile(r"webhooks/\w+/[\w.-]+/[A-Za-z0-9_-]{43}"),
    re.compile(rf"{SECRET}[\w-]+"),
    re.compile(rf"{FIRST_NAME}|{LAST_NAME}", re.IGNORECASE),
)


def found_in(text: str, *words: str) -> Iterator[str]:
    """Yield every canary in `text`: by pattern, and the given words in any case."""
    for pattern in PATTERNS:
        yield from pattern.findall(text)
    low = text.lower()
    yield from (word for word in words if word.lower() in low)
