"""What an inbound text means for consent: stop, come back, join, start, help, or nothing (R-05).

Two steps. First the whole text, folded to its bare letters and digits, is looked up among the
known words: that is exact. Only if it is none of them are sentences tried against the phrase rules
of keywords_phrases: that is fuzzy, exists for opt-outs alone, and is suppressed at once and
reviewed later, so its rules prefer missing a vague complaint to silencing a question about an
order. `classify` is total: no text makes it raise.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import batched
from typing import TYPE_CHECKING, Final

from concord.domain.keywords_data import (
    COURTESY,
    HELP_WORDS,
    OPT_IN_AGAIN_WORDS,
    OPT_OUT_WORDS,
    START_WORDS,
    TYPOS,
)

if TYPE_CHECKING:
    from concord.domain.keywords_phrases.rules import Rules


class Meaning(StrEnum):
    """What a text asks for; which of these lifts an opt-out is the profile's business."""

    OPT_OUT = "opt_out"
    OPT_IN_AGAIN = "unstop"
    JOIN = "join"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class KeywordMatch:
    """Why a text was understood: the listed word, or the words a phrase rule matched.

    `source` names who lists the word ("FCC+Twilio"), "merchant" for a join keyword, or the rule
    ("rule:remove me"). `word` is always our own vocabulary, never the shopper's free text.
    """

    meaning: Meaning
    exact: bool
    word: str
    language: str
    source: str


# An SMS holds at most 1,600 characters; beyond this a text is no request worth the CPU.
_LONGEST_SENTENCES: Final = 4_000
_STOP_SIGN: Final = "\N{OCTAGONAL SIGN}"


def classify(text: str, join_keyword: str = "JOIN") -> KeywordMatch | None:
    """Say what `text` means, or None for conversation.

    Listed words win over everything, then a sentence asking to be left alone, then the merchant's
    `join_keyword`: one that reads as an opt-out can therefore never sign anybody up, and YES stays
    START even for a merchant who chose it (see `is_usable_join_keyword`).
    """
    compact = _compact(text)
    return (
        _WORDS.get(compact)
        or _sentence(text, compact)
        or (_joined(join_keyword) if compact and compact == _compact(join_keyword) else None)
    )


def is_usable_join_keyword(keyword: str) -> bool:
    """Tell whether texting `keyword` would join; settings refuse the others."""
    match = classify(keyword, keyword)
    return match is not None and match.meaning is Meaning.JOIN


# --- folding -------------------------------------------------------------------------------------
_KEYCAP: Final = "\N{COMBINING ENCLOSING KEYCAP}"


def _fold(text: str) -> str:
    """Lower case without accents; zero-width characters and variation selectors vanish.

    NFKD is NFKC with the accents split off, which is what lets "arrêt" equal "arret"; it also
    turns full-width and circled letters into plain ones.
    """
    if text.isascii():
        return text.lower()
    if _KEYCAP in text:  # a keycap emoji is a digit in disguise: drop the digit with it
        text = re.sub(rf"[0-9#*]\ufe0f?{_KEYCAP}", " ", text)
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Mn, Me: accents, variation selectors, joiners' marks; Cf: zero-width and direction marks.
    return "".join(c for c in folded if unicodedata.category(c) not in ("Mn", "Me", "Cf"))


def _compact(text: str) -> str:
    """Return letters and digits alone: "*S.T.O.P!*" and "opt - out" become "stop", "optout"."""
    return "".join(filter(str.isalnum, _fold(text)))


def _table() -> dict[str, KeywordMatch]:
    """Index the listed words by their compact form; an opt-out takes a form first."""
    table: dict[str, KeywordMatch] = {}
    for meaning, words in (
        (Meaning.OPT_OUT, OPT_OUT_WORDS),
        (Meaning.OPT_IN_AGAIN, OPT_IN_AGAIN_WORDS),
        (Meaning.START, START_WORDS),
        (Meaning.HELP, HELP_WORDS),
    ):
        for word, language, source in words:
            match = KeywordMatch(meaning, True, word, language, source)
            table.setdefault(word.replace(" ", ""), match)
    return table


_WORDS: Final = _table()


def _joined(keyword: str) -> KeywordMatch:
    return KeywordMatch(Meaning.JOIN, True, _compact(keyword), "und", "merchant")


# --- sentences -----------------------------------------------------------------------------------
# A tapback repeats our own text, footer included: Liked "... Reply STOP to end".
_QUOTED: Final = r'(?<=\S)\s{0,3}["“„«][^"“”„«»]{25,}(?:["”“»]|$)'
_INSTRUCTION: Final = (
    r"\b(?:reply|text|txt|send|type|responda|responde|envia|envie|repondez|envoyez|antworten|"
    r"antworte|sende|odpovezte|poslete|napiste)(?: (?:with|mit|con|avec|sie|sms))* stop"
    r" (?:to|para|pour|um|zum|pro|au|an|al|na)\b.*"
)
# STOP in capitals at either end of a mixed-case text is the keyword ("STOP who is this"), unless
# the word beside it makes it a place, an instruction or its own opposite.
_NO_KEYWORD_BEFORE: Final = "by|at|in|on|over|for|the|my|and|or|signs?|lights?|off|to|[0-9]+"
_NO_KEYWORD_AFTER: Final = (
    "don|t|dont|cant|not|never|without|reply|text|send|type|with|mit|con|avec|word|bus|tram|next"
    "|the|my|a|pit|non|full|truck|until|till|pas"
)
# "No more coupons?" asks for them, "wrong number?" wonders.
_NEVER_ASKED: Final = ("no more messages", "wrong number")
_ELLIPSIS: Final = r"\.{2,}|…"
_CLAUSE_END: Final = r"[.!?;:,\n\r()\[\]|]+|\s[-\u2013\u2014]+\s|\u2014"


def _sentence(text: str, compact: str) -> KeywordMatch | None:
    """Find a request to stop in a text that is no listed word."""
    if not compact:
        return _fuzzy("stop sign", "und", "stop sign") if _STOP_SIGN in text else None
    text = text[:_LONGEST_SENTENCES]
    return _mistyped(compact) or _courteous(text) or _shouted(text) or _phrased(text)


def _fuzzy(word: str, language: str, rule: str) -> KeywordMatch:
    return KeywordMatch(Meaning.OPT_OUT, False, word, language, f"rule:{rule}")


def _opt_out(compact: str) -> KeywordMatch | None:
    match = _WORDS.get(compact)
    return match if match is not None and match.meaning is Meaning.OPT_OUT else None


def _mistyped(compact: str) -> KeywordMatch | None:
    """Accept known slips ("stpo") and held keys ("STOPPPP", "stoooop")."""
    if slip := TYPOS.get(compact):
        return _fuzzy(slip, "en", "typo")
    if len(compact) > 40:
        return None
    for kept in (r"\1", r"\1\1"):
        held = re.sub(r"(.)\1{2,}", kept, compact)
        if held != compact and (match := _opt_out(held)):
            return _fuzzy(match.word, match.language, "held key")
    return None


def _courteous(text: str) -> KeywordMatch | None:
    """Accept a listed word wrapped in nothing but courtesy: "please cancel"."""
    words = re.findall(r"\w+", _fold(text[:120]))
    polite = COURTESY.split()
    bare = "".join(word for word in words if word not in polite)
    if len(text) <= 120 and (match := _opt_out(bare)):
        return _fuzzy(match.word, match.language, "courtesy")
    return None


def _shouted(text: str) -> KeywordMatch | None:
    """Accept STOP in capitals before or after an ordinary sentence."""
    words = re.findall(r"\w+", re.sub(_QUOTED, " ", text))
    if len(words) < 2 or not any(word.islower() for word in words):
        return None
    if words[0] == "STOP" and not re.fullmatch(_NO_KEYWORD_BEFORE, words[1].casefold()):
        return _fuzzy("stop", "en", "STOP first")
    asked = text.rstrip().endswith("?")
    if words[-1] == "STOP" and not (asked or re.fullmatch(_NO_KEYWORD_AFTER, words[-2].casefold())):
        return _fuzzy("stop", "en", "STOP last")
    return None


def _clauses(text: str) -> list[tuple[str, bool]]:
    """Cut a text at its punctuation into clauses of plain words, each with "was it a question"."""
    unquoted = re.sub(_ELLIPSIS, " ", re.sub(_QUOTED, " ", text))
    parts = [*re.split(f"({_CLAUSE_END})", unquoted), ""]
    clauses = (
        (" ".join(re.findall(r"[^\W_]+", _fold(part))), "?" in mark)
        for part, mark in batched(parts, 2, strict=True)
    )
    return [(re.sub(_INSTRUCTION, "", words), asked) for words, asked in clauses if words]


def _phrased(text: str) -> KeywordMatch | None:
    """Try the phrase rules of every language that the text gives a reason to try."""
    # Imported here: most texts are one word, and a cold start should not pay for the phrases.
    from concord.domain.keywords_phrases import PHRASES

    clauses = _clauses(text)
    whole = " ".join(words for words, _ in clauses) + " "
    for language, rules in PHRASES.items():
        if any(trigger in whole for trigger in rules.triggers):
            for words, asked in clauses:
                if match := _match_clause(language, words, asked):
                    return match
    return None


def _match_clause(language: str, clause: str, asked: bool) -> KeywordMatch | None:
    veto, phrases = _compiled(language)
    for name, pattern in phrases:
        if asked and name in _NEVER_ASKED:
            continue
        for hit in pattern.finditer(clause):
            if not veto.search(clause[: hit.start()]):
                return _fuzzy(hit[0].strip(), language, name)
    return None


@cache
def _compiled(language: str) -> tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """Compile one language's rules on first use: a shop's shoppers write in one or two."""
    from concord.domain.keywords_phrases import PHRASES

    rules = PHRASES[language]
    return re.compile(rules.veto), tuple(
        (name, re.compile(rf"(?:^| )(?:{_expand(phrase, rules)})(?=$| )"))
        for name, phrase in rules.phrases.items()
    )


def _expand(phrase: str, rules: "Rules") -> str:
    """Put a language's vocabularies in the place of their `<names>`."""
    return re.sub(r"<(\w+)>", lambda m: f"(?:{rules.vocabulary[m[1]]})", phrase)
