"""Texts: what shoppers and operators read."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.consent import MessageKind
from concord.domain.errors import InvalidInputError
from concord.domain.texts import (
    BUILT_IN,
    DEFAULT_TEXTS,
    EDITABLE,
    FALLBACK_TEXTS,
    MAX_LENGTH,
    check_texts,
    fallback,
    render,
    wording_hash,
    wording_version,
)

NUMBER = "+12025550101"
MARKETING = re.compile(
    r"\b(sale|offer|offers|deal|deals|discount|save|free|win|shop now|buy|coupon|reward|% off)\b",
    re.I,
)
GSM_BASIC = re.compile(r"[A-Za-z0-9 @$!\"#%&'()*+,\-./:;<=>?\n]*")


@pytest.mark.parametrize("kind", list(MessageKind))
def test_default_texts(kind: MessageKind) -> None:
    """TEA-17, TEA-15, R-03: one plain GSM segment, names the shop, no marketing, no token left."""
    text = render(kind, {}, merchant="Corner Shop & Sons", join="JOIN")
    assert text.startswith("Corner Shop & Sons")
    assert len(text) <= 160
    assert GSM_BASIC.fullmatch(text)
    assert "$" not in text
    assert not MARKETING.search(text)


def test_each_text_says_what_to_do() -> None:
    """TEA-15, TEA-16, TEA-18, R-05: how to join, how to stop, how to come back."""

    def text(kind: MessageKind) -> str:
        return render(kind, {}, merchant="Shop", join="FRESH")

    assert set(DEFAULT_TEXTS) == set(MessageKind)
    assert "reply FRESH" in text(MessageKind.INVITATION)
    assert "STOP" in text(MessageKind.INVITATION)
    assert "STOP" in text(MessageKind.OPT_IN_CONFIRMATION)
    assert "HELP" in text(MessageKind.OPT_IN_CONFIRMATION)
    assert "UNSTOP" in text(MessageKind.OPT_OUT_CONFIRMATION)
    assert "no more texts" in text(MessageKind.OPT_OUT_CONFIRMATION)
    assert "STOP" in text(MessageKind.HELP_REPLY)


def test_own_wording_wins_and_empty_is_the_default() -> None:
    """TEA-23: a merchant's wording, with the tokens filled in."""
    own = {"invitation": "Hi from $merchant, send ${join}! $$5", "help_reply": ""}
    said = render(MessageKind.INVITATION, own, merchant="Shop", join="GO")
    assert said == "Hi from Shop, send GO! $5"
    default = render(MessageKind.HELP_REPLY, own, merchant="Shop", join="GO")
    assert default == render(MessageKind.HELP_REPLY, {}, merchant="Shop", join="GO")


@given(st.text())
def test_a_value_cannot_inject_a_token(name: str) -> None:
    """R-03: a shop called "$join" is called "$join"."""
    text = render(MessageKind.INVITATION, {}, merchant="$join" + name, join="GO")
    assert text.startswith("$join" + name + ": reply GO ")


@pytest.mark.parametrize("own", [{}, {"fallback_shopper": "", "fallback_operator": ""}])
def test_fallback_wording(own: dict[str, str]) -> None:
    """TEA-20, TEA-21: the shopper is told what to do, the cashier what to tell."""
    shopper, operator = fallback("shopper", own, NUMBER), fallback("operator", own, NUMBER)
    assert f"text STOP to {NUMBER}" in shopper
    assert f"text STOP to {NUMBER}" in operator
    assert "Tell the customer" in operator
    assert "customer" not in shopper


@pytest.mark.parametrize(
    ("who", "number"), [*itertools.product(["shopper", "operator"], [None, ""])]
)
def test_neutral_fallback_wording(who: str, number: str | None) -> None:
    """TEA-20, TEA-21, L-08: without a number it still says how, and leaves no gap."""
    text = fallback(who, {f"fallback_{who}": "Text STOP to $number."}, number)
    assert text == FALLBACK_TEXTS[f"fallback_{who}_neutral"]
    assert "reply STOP to any text" in text
    assert "$" not in text


def test_own_fallback_wording() -> None:
    """TEA-23: editable."""
    own = {"fallback_operator": "Ask her to text STOP to $number"}
    assert fallback("operator", own, NUMBER) == f"Ask her to text STOP to {NUMBER}"
    assert "Tell" not in fallback("operator", own, NUMBER)


def test_a_wording_is_named_by_its_hash() -> None:
    """R-03: evidence names the text that was shown."""
    assert wording_hash("a") == sha256_hex(b"a")
    assert wording_hash("a") != wording_hash("b")


@pytest.mark.parametrize("wording", ["x", "x" * MAX_LENGTH, "costs 5 $$"])
def test_wording_that_can_be_used(wording: str) -> None:
    """TEA-23: every editable text, up to three segments."""
    check_texts(dict.fromkeys(EDITABLE, wording))


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_message_has_no_fallback_number_to_fill_in(kind: MessageKind) -> None:
    """TEA-23: $number belongs to fallbacks; in a message it would leave a gap."""
    with pytest.raises(InvalidInputError):
        check_texts({kind: "Call $number"})


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_message_can_name_the_shop_and_the_word_to_join(kind: MessageKind) -> None:
    """TEA-23: a message is rendered with the connection at hand."""
    check_texts({kind: "$merchant ${merchant} $join $$"})


@pytest.mark.parametrize("kind", ["fallback_shopper", "fallback_operator"])
@pytest.mark.parametrize("token", ["$merchant", "${merchant}", "$join", "$number $join"])
def test_a_fallback_has_nothing_but_the_number_to_fill_in(kind: str, token: str) -> None:
    """TEA-20, TEA-21, TEA-23: a token that would leave a gap is refused when it is written."""
    with pytest.raises(InvalidInputError) as caught:
        check_texts({kind: f"Ask {token} for help"})
    (error,) = caught.value.errors
    assert (error.field, error.message) == (
        f"settings.texts.{kind}",
        "only $number can be filled in",
    )


@pytest.mark.parametrize(
    ("kind", "wording"),
    [
        ("invitation", ""),
        ("invitation", "  \n"),
        ("invitation", "x" * (MAX_LENGTH + 1)),
        ("invitation", "costs 5 $"),
        ("invitation", "$5 off"),
        ("invitation", "$firstname"),
        ("invitation", "$Merchant"),
        ("invitation", "${join"),
        ("fallback_shopper_neutral", "x"),
        ("greeting", "x"),
    ],
)
def test_wording_that_cannot_be_used(kind: str, wording: str) -> None:
    """TEA-23: each wrong text is named, all at once."""
    with pytest.raises(InvalidInputError) as caught:
        check_texts({"help_reply": "fine", kind: wording, "": "x"})
    fields = [e.field for e in caught.value.errors]
    assert fields == [f"settings.texts.{kind}", "settings.texts."]


@given(st.dictionaries(st.sampled_from(sorted(EDITABLE)), st.text(max_size=500)))
def test_what_passes_the_check_can_be_rendered(texts: dict[str, str]) -> None:
    """TEA-20: a merchant's wording can never make an answer fail."""
    try:
        check_texts(texts)
    except InvalidInputError:
        return
    for kind in texts:
        assert render(kind, texts, merchant="Shop", join="JOIN", number=NUMBER)


@given(
    st.sampled_from(["shopper", "operator"]),
    st.lists(st.sampled_from(["$number", "${number}", "$merchant", "$join", "$$", "STOP"])),
)
def test_a_fallback_that_passes_the_check_has_no_gap(who: str, words: list[str]) -> None:
    """TEA-20, TEA-21: each token of it is filled in."""
    own = {f"fallback_{who}": " ".join(["Text", *words])}
    try:
        check_texts(own)
    except InvalidInputError:
        return
    said = fallback(who, own, NUMBER).split(" ")
    filled = {"$number": NUMBER, "${number}": NUMBER, "$$": "$"}
    assert said == ["Text", *(filled.get(word, word) for word in words)]


def test_the_built_in_wording_has_the_version_it_says() -> None:
    """R-03: a change of these texts is a new version: raise BUILT_IN, then note the new hash."""
    versions = {"built-in-1": "30472e516d3b1d0cd9c092b13012ea99c6633a6e0442217968a04046419e0cac"}
    assert versions[BUILT_IN] == sha256_hex(canonical(dict(DEFAULT_TEXTS)))


def test_what_versions_a_wording() -> None:
    """R-03: the merchant's own wording by the settings that held it, any other is built in."""
    own = {"help_reply": "Call us."}
    assert wording_version(MessageKind.HELP_REPLY, own, 7) == "settings-7"
    assert wording_version(MessageKind.INVITATION, own, 7) == BUILT_IN
