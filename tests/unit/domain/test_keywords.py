"""What shoppers really text, and what it must mean: R-05, TEA-13, TEA-16, TEA-18."""

import csv
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.keywords import KeywordMatch, Meaning, classify, is_usable_join_keyword
from concord.domain.keywords_data import (
    HELP_WORDS,
    OPT_IN_AGAIN_WORDS,
    OPT_OUT_WORDS,
    START_WORDS,
)

ROOT = Path(__file__).resolve().parents[3]


class Row(NamedTuple):
    text: str
    language: str
    expected: str
    note: str


def load_rows() -> list[Row]:
    with (ROOT / "events" / "keywords.csv").open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


ROWS = load_rows()
MUST_NOT_SUPPRESS = [row for row in ROWS if not row.expected.startswith("opt_out")]
FUZZY = [row for row in ROWS if row.expected == "opt_out_fuzzy"]


def label(match: KeywordMatch | None) -> str:
    """Spell an answer the way the CSV does."""
    if match is None:
        return "none"
    if match.meaning is Meaning.OPT_OUT:
        return "opt_out_exact" if match.exact else "opt_out_fuzzy"
    return match.meaning.value


def suppresses(text: str) -> bool:
    match = classify(text)
    return match is not None and match.meaning is Meaning.OPT_OUT


# --- the corpus ----------------------------------------------------------------------------------
def test_corpus_is_as_large_as_promised() -> None:
    """R-05: >= 300 different labelled texts, five languages, >= 120 that must not suppress."""
    assert len({row.text for row in ROWS}) == len(ROWS) >= 300
    assert {row.language for row in ROWS} == {"en", "es", "fr", "de", "cs"}
    assert len(MUST_NOT_SUPPRESS) >= 120
    assert min(Counter(row.language for row in MUST_NOT_SUPPRESS).values()) >= 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.language}-{ascii(row.text)[:40]}")
def test_every_labelled_text(row: Row) -> None:
    """R-05: each text of events/keywords.csv means what its label says."""
    assert label(classify(row.text)) == row.expected


def test_precision_and_recall_of_the_fuzzy_opt_out() -> None:
    """R-05: no conversation is suppressed; at least 95 % of the clear requests are heard."""
    false_positives = [row.text for row in MUST_NOT_SUPPRESS if suppresses(row.text)]
    missed = [row.text for row in FUZZY if not suppresses(row.text)]
    print(f"\nfalse positives ({len(false_positives)}): {false_positives}")  # noqa: T201
    print(f"missed ({len(missed)} of {len(FUZZY)}): {missed}")  # noqa: T201
    assert false_positives == []
    assert 1 - len(missed) / len(FUZZY) >= 0.95


# Never used to change a rule: an honest check that the rules generalise. A line that teaches us
# something moves to events/keywords.csv and an unseen one takes its place (two have, so far). The
# list is judged as a whole, so that nobody is tempted to tune on a single miss.
HELD_OUT_REQUESTS = [
    "Hi, please take my number off your texting list, thanks",
    "I don't wish to receive any more promotional texts",
    "STOP. I never asked for this",
    "for the last time stop texting me",
    "pls remove my cell number from ur list",
    "do not message me ever again",
    "enough, stop sending me spam",
    "no more marketing texts thank you",
    "You've got the wrong person",
    "How do I stop these messages?",
    "stop sending me your promotions please",
    "please opt me out of all texts",
    "Por favor no me manden más promociones",
    "saquen mi número de su lista",
    "ya no deseo recibir mensajes",
    "Merci de ne plus m'envoyer de SMS",
    "arrêtez vos pubs",
    "je veux me désinscrire",
    "Bitte nehmt meine Nummer aus dem Verteiler",
    "ich möchte keine Nachrichten mehr von euch erhalten",
    "Bitte senden Sie mir keine Werbung mehr",
    "y'all need to quit messaging me",
    "i want off this list",
    "Borren mi número de su lista por favor",
    "Ne m'écrivez plus svp",
    "přestaňte s těmi reklamami",
    "nechci už od vás dostávat žádné zprávy",
    "prosím odhlaste mě z odběru",
    "neposílejte mi už nic",
]
HELD_OUT_CONVERSATION = [
    "does the bus stop in front of your store",
    "I need to stop my husband from buying more",
    "please don't cancel my pickup",
    "can I cancel the order and get a refund",
    "stop teasing me with these shoes",
    "can you stop the music on your hold line",
    "I don't need a bag, text me the receipt",
    "please remove the second address from my profile",
    "no more waiting, yay",
    "Nehmen Sie die Flasche bitte zurück?",
    "¿me pueden quitar el cargo?",
    "pouvez-vous supprimer ma commande",
    "přestalo mi fungovat přihlášení",
    "I'll text you when I get there",
    "what number do I text for curbside",
    "you guys never stop amazing me",
    "no more room in my fridge",
    "remove the gift wrap please",
    "is the deal off?",
    "wrong address on my receipt",
    "My phone died, resend the message please",
    "I get off work at 5",
    "don't take me off the guest list",
    "when will you stop accepting returns",
    "not at the end of the month",
    "Will the coupon end today?",
    "no quiero cancelar mi pedido",
    "¿dejan de vender pan a las 8?",
    "je ne peux pas m'arrêter de manger vos gâteaux",
    "Plus de croissants demain ?",
    "Bitte die Bestellung nicht stornieren",
    "Hören Sie mich?",
    "Sind keine Brötchen mehr da?",
    "kdy přestane platit sleva",
    "zruš prosím tu druhou pizzu",
]


def test_held_out_texts() -> None:
    """R-05: unseen conversation is never suppressed, most unseen requests are heard."""
    false_positives = [text for text in HELD_OUT_CONVERSATION if suppresses(text)]
    missed = [text for text in HELD_OUT_REQUESTS if not suppresses(text)]
    print(f"\nheld out, false positives: {false_positives}")  # noqa: T201
    print(f"held out, missed ({len(missed)} of {len(HELD_OUT_REQUESTS)}): {missed}")  # noqa: T201
    assert false_positives == []
    assert 1 - len(missed) / len(HELD_OUT_REQUESTS) >= 0.8


# --- exact words ---------------------------------------------------------------------------------
PUBLISHED_OPT_OUTS = {
    "FCC": "stop, quit, end, revoke, opt out, cancel, unsubscribe",
    "CTIA": "stop, end, unsubscribe, cancel, quit, please opt me out",
    "Twilio": "stop, stopall, unsubscribe, cancel, end, quit, revoke, optout",
    "AWS": "arret, cancel, end, opt-out, optout, quit, remove, stop, td, unsubscribe",
    "Telnyx": "stop, stopall, stop all, unsubscribe, cancel, end, quit",
}


@pytest.mark.parametrize(
    ("source", "word"),
    [(source, word) for source, words in PUBLISHED_OPT_OUTS.items() for word in words.split(", ")],
)
def test_union_of_the_published_lists(source: str, word: str) -> None:
    """R-05: every word of FCC, CTIA, Twilio, AWS and Telnyx opts out exactly, and says why."""
    match = classify(word.upper())
    assert match is not None
    assert (match.meaning, match.exact) == (Meaning.OPT_OUT, True)
    assert source in match.source.split("+")


LISTED = [
    (meaning, word)
    for meaning, words in (
        (Meaning.OPT_OUT, OPT_OUT_WORDS),
        (Meaning.OPT_IN_AGAIN, OPT_IN_AGAIN_WORDS),
        (Meaning.START, START_WORDS),
        (Meaning.HELP, HELP_WORDS),
        (Meaning.JOIN, (("join", "und", "merchant"),)),
    )
    for word, _, _ in words
]
# What phones and people put around and between letters.
NOISE = st.text(
    st.sampled_from(
        " \t\n\u00a0.,!?;:-_*'\"“”\u2018\u2019«»„()…"
        "\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0f😀🛑🙏🏽❤"
    ),
    max_size=3,
)


@st.composite
def decorated(draw: st.DrawFn) -> tuple[Meaning, str]:
    """Draw a listed word with random case, full-width letters and noise at every joint."""
    meaning, word = draw(st.sampled_from(LISTED))
    parts = [draw(NOISE)]
    for letter in word:
        style = draw(st.sampled_from("luf"))
        wide = chr(ord(letter) + 0xFEE0) if style == "f" and letter.isascii() else letter
        parts += [letter.upper() if style == "u" else wide if letter != " " else letter]
        parts.append(draw(NOISE))
    return meaning, "".join(parts)


@given(decorated())
def test_decoration_changes_nothing(case: tuple[Meaning, str]) -> None:
    """R-05, TEA-16: case, spaces, punctuation, emoji and invisible characters are ignored."""
    meaning, text = case
    match = classify(text)
    assert match is not None
    assert (match.meaning, match.exact) == (meaning, True)


@given(st.sampled_from(LISTED), st.data())
def test_accents_are_tolerated(case: tuple[Meaning, str], data: st.DataObject) -> None:
    """R-05: arrêt and arret are one word, composed or decomposed."""
    meaning, word = case
    accents = st.sampled_from(["", "\u0300", "\u0301", "\u0302", "\u0308", "\u030c", "\u0327"])
    accented = "".join(letter + data.draw(accents) for letter in word)
    composed = data.draw(st.booleans())
    match = classify(unicodedata.normalize("NFC" if composed else "NFD", accented))
    assert match is not None
    assert (match.meaning, match.exact) == (meaning, True)


@given(st.text(st.characters(), max_size=400), st.text(st.characters(), max_size=20))
def test_total_on_arbitrary_text(text: str, join_keyword: str) -> None:
    """R-05: no text and no join keyword makes it raise (lone surrogates included)."""
    match = classify(text, join_keyword)
    assert match is None or match.exact or match.meaning is Meaning.OPT_OUT


SALAD = (
    "please stop text texting me no more not want send the my number off list des plus ne de"
    " keine mir mehr más mi už sms “ ” , . ? \u200b"
)


@given(st.lists(st.sampled_from(SALAD.split(" ")), max_size=80))
def test_total_on_rule_words(words: list[str]) -> None:
    """R-05: any salad of the rules' own words gets an answer, and the same one twice."""
    text = " ".join(words)
    assert classify(text) == classify(text)


@pytest.mark.parametrize("unit", ["stop ", "please ", "a", " ", "“", "STOP", "no more ", "é ", "."])
def test_long_texts_stay_cheap(unit: str) -> None:
    """R-05: a hostile text of 256 KB costs milliseconds, not the answer's deadline."""
    code = (
        "import time\nfrom concord.domain.keywords import classify\n"
        f"text = 'x ' + {unit!r} * (262_144 // len({unit!r}))\nclassify('please stop')\n"
        "start = time.process_time()\nclassify(text)\nprint(time.process_time() - start)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 1.0


# --- join, unstop, start -------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["DEALS", "deals.", " Deals! ", "“DEALS”", "d\u200beals 🎉"])
def test_merchants_own_join_keyword(text: str) -> None:
    """TEA-13, TEA-16: the merchant's keyword joins in any case, trimmed, with punctuation."""
    assert classify(text, "Deals") == KeywordMatch(Meaning.JOIN, True, "deals", "und", "merchant")
    assert classify(text) is None


@pytest.mark.parametrize("keyword", ["JOIN DEALS", "Café 24", "加入", "4twenty", "Приєднатись"])
def test_unusual_join_keywords(keyword: str) -> None:
    """TEA-13: phrases, digits, accents and other scripts work as join keywords."""
    assert is_usable_join_keyword(keyword)
    assert label(classify(keyword.lower() + "!", keyword)) == "join"


def test_join_is_only_the_merchants_word() -> None:
    """TEA-13: a merchant who chose another keyword did not choose JOIN."""
    assert classify("JOIN", "DEALS") is None


@pytest.mark.parametrize(
    "text", ["join us", "JOIN please", "joining", "yes join", "I want to join"]
)
def test_any_other_reply_does_not_join(text: str) -> None:
    """TEA-16: any other reply leaves the invitation pending."""
    assert classify(text) is None


@pytest.mark.parametrize(
    "keyword", ["STOP", "End", "opt-out", "Baja", "stop texting me", "remove me", "STOPPP", "stpo"]
)
def test_opt_out_wins_over_a_colliding_join_keyword(keyword: str) -> None:
    """R-05, TEA-13: a join keyword that reads as an opt-out never signs anybody up."""
    match = classify(keyword, keyword)
    assert match is not None
    assert match.meaning is Meaning.OPT_OUT
    assert not is_usable_join_keyword(keyword)


@pytest.mark.parametrize("keyword", ["YES", "start", "HELP", "Unstop", "", "  ", "🎉", "\u200b"])
def test_reserved_and_empty_join_keywords_never_join(keyword: str) -> None:
    """TEA-13, TEA-18: YES is START even for a merchant who chose it; nothing joins by silence."""
    assert not is_usable_join_keyword(keyword)
    assert label(classify(keyword, keyword)) != "join"
    assert label(classify("🎉🎉", keyword)) != "join"


@pytest.mark.parametrize(
    "text",
    ["JOIN", "START", "YES", "unstop please", "start again", "yes please", "unstopp", "stop"],
)
def test_only_the_bare_unstop_is_unstop(text: str) -> None:
    """TEA-18: nothing fuzzy and no other word counts as the act that lifts an opt-out."""
    assert label(classify(text)) != "unstop"


# --- what a match tells --------------------------------------------------------------------------
def test_a_match_explains_itself() -> None:
    """R-05: the answer names the listed word, its language and who lists it."""
    assert classify("Arrêt !") == KeywordMatch(Meaning.OPT_OUT, True, "arret", "fr", "AWS+AWS-CA")
    assert classify("Hey it's Ann, pls stop texting me at 5550100") == KeywordMatch(
        Meaning.OPT_OUT, False, "stop texting me", "en", "rule:stop messaging"
    )


def test_exact_words_do_not_load_the_phrases() -> None:
    """R-05: a cold start that serves STOP imports words only; phrases wait for a sentence."""
    code = (
        "import sys\nfrom concord.domain.keywords import classify\nassert classify('STOP')\n"
        "loaded = 'concord.domain.keywords_phrases' in sys.modules\n"
        "assert classify('take me off your list')\n"
        "print(loaded, 'concord.domain.keywords_phrases' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
