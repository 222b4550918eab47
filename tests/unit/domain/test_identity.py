"""Keyed names: unlinkable, unguessable, and never made of what they hide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.errors import InvalidInputError
from concord.domain.identity import (
    Channel,
    check_account_id,
    check_merchant_id,
    event_key,
    key_fingerprint,
    merchant_of,
    normalise_email,
    point_id,
    shopper_key,
    token_hash,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NUMBER = "+12025550123"
merchant_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}", fullmatch=True)
texts = st.text(min_size=1, max_size=80)


def test_a_point_id_is_bound_to_key_merchant_channel_and_point() -> None:
    """R-32, R-25, TEA-03: four things make it; change one and it is another."""
    ids = {
        point_id(key, merchant, channel, point)
        for key in (KEY, OTHER_KEY)
        for merchant in ("a", "b")
        for channel in Channel
        for point in (NUMBER, NUMBER[:-1])
    }
    assert len(ids) == 16
    assert all(len(i) == 67 and i.startswith("v1.") for i in ids)


def test_a_point_id_never_changes() -> None:
    """R-25: an opt-out behind this name must block for ever, so the form is frozen."""
    assert point_id(KEY, "shop", Channel.SMS, NUMBER) == (
        "v1.9b39914c6bc67ac89726deb56b2b15148e5c146fb0437126ee87c05bd7b13464"
    )


@given(merchant_ids, merchant_ids, st.sampled_from(Channel), st.sampled_from(Channel), texts, texts)
def test_point_ids_are_equal_only_for_equal_things(
    m1: str, m2: str, c1: Channel, c2: Channel, p1: str, p2: str
) -> None:
    """R-32: no way of writing one merchant's point gives another's name."""
    same = (m1, c1, p1) == (m2, c2, p2)
    assert (point_id(KEY, m1, c1, p1) == point_id(KEY, m2, c2, p2)) is same


@given(st.text("0123456789+@.abcxyz", min_size=6))
def test_no_key_form_holds_what_it_names(personal: str) -> None:
    """R-25: neither number nor address stands in any key."""
    marked = f"~{personal}~"
    for made in (
        point_id(KEY, "m", Channel.SMS, marked),
        shopper_key(KEY, "m.c1", marked),
        event_key(marked),
        token_hash(marked),
    ):
        assert "~" not in made
        assert made.removeprefix("v1.").isalnum()


def test_shopper_keys_and_fingerprints() -> None:
    """R-25, R-32: keyed by stack and connection."""
    keys = {shopper_key(k, c, s) for k in (KEY, OTHER_KEY) for c in ("m.1", "m.2") for s in "ab"}
    assert len(keys) == 8
    prints = {key_fingerprint(k, c) for k in (KEY, OTHER_KEY) for c in ("m.1", "m.2")}
    assert len(prints) == 4
    assert not keys & prints


@given(st.text(st.characters(), max_size=60))
def test_naming_is_total(text: str) -> None:
    """R-24: half a surrogate pair is legal JSON; an odd id is an id."""
    assert len(event_key(text)) == 40
    assert len(token_hash(text)) == 64
    assert event_key(text + "x") != event_key(text)
    assert len(shopper_key(KEY, "m.c", text + "\ud800")) == 32


@given(merchant_ids, st.from_regex(r"[a-z0-9]{1,64}", fullmatch=True))
def test_the_merchant_of_a_scoped_id(merchant: str, rest: str) -> None:
    """R-32: the id itself says whose it is."""
    assert merchant_of(f"{merchant}.{rest}") == merchant


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "shop",
        ".x",
        "shop.",
        "shop.X",
        "shop.a b",
        "shop.a#b",
        "a#b.x",
        "a.b.x",
        "a/b.x",
        "-a.x",
        " a.x",
        "a.x\n",
        "é.x",
        "a.é",
        "a.\u0661",
        "shop.." + "x",
        "m" * 49 + ".x",
        "shop." + "x" * 65,
    ],
)
def test_a_forged_scoped_id_reads_no_row(forged: str) -> None:
    """R-32: whatever could leave the merchant's part of a key is refused."""
    with pytest.raises(ValueError, match="not a scoped id"):
        merchant_of(forged)


@pytest.mark.parametrize("good", ["a", "A-1_b", "9" * 48])
def test_good_merchant_ids(good: str) -> None:
    """R-32: they become part of a key."""
    assert check_merchant_id(good) == good


@pytest.mark.parametrize("bad", ["", "a" * 49, "_a", "a.b", "a#b", "a b", "é", "a\n"])
def test_bad_merchant_ids(bad: str) -> None:
    """R-32: the answer names the rule."""
    with pytest.raises(InvalidInputError) as caught:
        check_merchant_id(bad)
    assert caught.value.errors[0].field == "merchant_id"


@pytest.mark.parametrize("good", ["1", "acc:7@x.y-z_", "a" * 100])
def test_good_account_ids(good: str) -> None:
    """TEA-02: an account id as platforms write them."""
    assert check_account_id(good, "source.account_id") == good


@pytest.mark.parametrize("bad", ["", "a" * 101, "#", "a#b", "a|b", "a/b", "a b", "a\n"])
def test_bad_account_ids(bad: str) -> None:
    """R-32: no separator of a key can be smuggled in."""
    with pytest.raises(InvalidInputError) as caught:
        check_account_id(bad, "source.account_id")
    assert caught.value.errors[0].field == "source.account_id"


@pytest.mark.parametrize("text", ["Ann@Example.COM", "  ann@example.com\t", "ann@example.com"])
def test_addresses_are_one_in_any_spelling(text: str) -> None:
    """R-03: trimmed, lower case."""
    assert normalise_email(text) == "ann@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@.com",
        "ann@example..com",
        "a b@example.com",
        "ann@exam ple.com",
        "ann@b@example.com",
        "x" * 65 + "@example.com",
        "ann@" + "x" * 250 + ".com",
        "a\x00nn@example.com",
        "ann\u200b@example.com",
        "ann\ud83d@example.com",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """R-03: `invalid_email`, without the address in the message."""
    with pytest.raises(InvalidInputError) as caught:
        normalise_email(text)
    assert caught.value.code == "invalid_email"
    words = f"{caught.value} {caught.value.errors}".replace("name@example.com", "")
    assert not text or text not in words


@given(st.text(st.characters(), max_size=30).map(lambda t: t + "@Example.com") | st.emails())
def test_normalising_addresses_is_total_and_idempotent(text: str) -> None:
    """R-06: an address and its normal form are one consent; what passes can be named."""
    try:
        found = normalise_email(text)
    except InvalidInputError:
        return
    assert normalise_email(found) == found
    assert point_id(KEY, "m", Channel.EMAIL, found)
