"""Whether a text says how to opt out, and does not merely use the word (R-11, L-09)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_QUOTES: Final = "[\"'\u201c\u201d\u2018\u2019\u00ab\u00bb]*"
# Who is asked to answer: in any case, anywhere.
_ASKS: Final = (
    "reply|respond|answer|text|txt|sms|send|r[ée]pondez|envoyez|responda|responde|env[ií]e|env[ií]a"
    "|antworten|antworte|sende|senden|odpov[eě]zte|po[sš]lete|napi[sš]te"
)
_WITH: Final = "(?:with|the word|avec|con|mit|s)"
# What follows an opt-out word that is explained: STOP to end, STOP=quit, STOP pour se désabonner.
_TO: Final = r"(?:=|(?:to|2)\s)\s*(?:opt|end|quit|cancel|unsub|leave)"
_SERVES: Final = r"(?:pour|para|zum)\s"
_LABELS: Final = "out|baja|abmelden|odhl[aá][sš]en[ií]"


def says_how(text: str, word: str) -> bool:
    """Whether `text` tells its reader to answer with the opt-out word `word` (STOP).

    "Stop by today" and "non-stop" do not. In doubt it does not: then a line is added that costs a
    few characters, where the other mistake leaves shoppers without a way out.
    """
    return _pattern(word).search(text) is not None


@lru_cache(maxsize=64)
def _pattern(word: str) -> re.Pattern[str]:
    quoted = f"{_QUOTES}(?i:{re.escape(word)})\\b{_QUOTES}"
    capitals = f"{_QUOTES}{re.escape(word)}\\b{_QUOTES}"
    # As a line of its own, or after the end of a sentence: nothing follows but a short code.
    begins = rf"(?:^|[.:;,!?\u2026/|)\u2013\u2014-]\s+|(?i:\b(?:{_LABELS}))\s+)"
    ends = r"(?:\s+(?i:(?:au|to|an|al|na)\s+)?\+?\d{3,})?[).]*\s*$"
    return re.compile(
        rf"\b(?i:{_ASKS})\s+(?i:{_WITH}\s+)?{quoted}"
        rf"|(?<![\w-]){quoted}\s*(?i:{_TO})"
        rf"|{begins}{capitals}\s*(?i:{_SERVES})"
        rf"|{begins}{capitals}{ends}",
        re.MULTILINE,
    )
