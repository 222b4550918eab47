"""Phone numbers: one number, one spelling."""

from __future__ import annotations

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from concord.domain.errors import InvalidInputError
from concord.domain.phone import normalise_phone

US = "+12025550123"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        (US, "US", US),
        (f"  {US}\n", "US", US),
        ("2025550123", "US", US),
        ("12025550123", "US", US),
        ("1-202-555-0123", "US", US),
        ("(202) 555-0123", "US", US),
        ("202.555.0123", "US", US),
        ("+1 (202) 555 0123", "US", US),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("2025550123", "CA", US),
        # The same digits in another script are the same number, not another consent.
        ("+1\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663", "US", US),
        ("+1202555012\u0663", "US", US),
        ("\uff0b\uff11\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff12\uff13", "US", US),
        ("+442079460958", "US", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("0044 20 7946 0958", "CZ", "+442079460958"),
        ("+44 (0)20 7946 0958", "GB", "+442079460958"),
        ("+4402079460958", "GB", "+442079460958"),
        ("777 123 456", "CZ", "+420777123456"),
        ("00420777123456", "CZ", "+420777123456"),
        ("+420 777 123 456", "US", "+420777123456"),
        ("0612345678", "FR", "+33612345678"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("0412 345 678", "AU", "+61412345678"),
    ],
)
def test_spellings_of_a_number(text: str, country: str, expected: str) -> None:
    """TEA-08, TEA-14: national and international spellings, read with the merchant's country."""
    assert normalise_phone(text, country) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "12345",
        "5550123",  # a local number: nobody knows of which area
        "202555012",
        "20255501234",
        "+1202555012",
        "+120255501234",
        "0044 20 7946 0958",  # 00 does not lead abroad from the United States
        "+999123456789",
        "+",
        "2025550123" * 40,
        "+1202555012\ud800",
        "name@example.com",
    ],
)
def test_what_is_no_number(text: str) -> None:
    """TEA-14, TEA-23: `invalid_phone`, with the field and the remedy and without the number."""
    with pytest.raises(InvalidInputError) as caught:
        normalise_phone(text, "US", "settings.fallback_number")
    assert caught.value.code == "invalid_phone"
    assert [e.field for e in caught.value.errors] == ["settings.fallback_number"]
    if text.strip(" +"):
        assert text not in f"{caught.value} {caught.value.errors}"


def test_an_unknown_country_reads_international_numbers_only() -> None:
    """TEA-14: a merchant with a wrong country is told, not crashed on."""
    assert normalise_phone("+44 20 7946 0958", "ZZ") == "+442079460958"
    with pytest.raises(InvalidInputError):
        normalise_phone("2025550123", "ZZ")


COUNTRIES = ["US", "CA", "GB", "CZ", "DE", "FR", "ES", "IT", "AU", "MX", "BR", "AR", "IN", "NG"]


@settings(deadline=None)  # the first number of a country loads its rules
@given(st.data(), st.sampled_from(COUNTRIES), st.sampled_from(COUNTRIES))
def test_normalising_is_idempotent_and_blind_to_spelling(
    data: st.DataObject, country: str, reader: str
) -> None:
    """TEA-08, R-06: two spellings of one number can never become two consents."""
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    digits = data.draw(st.lists(st.sampled_from("0123456789"), min_size=4, max_size=4))
    text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    text = text[:-4] + "".join(digits)
    number = phonenumbers.parse(text)
    assume(phonenumbers.is_valid_number(number))
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    assert normalise_phone(expected, reader) == expected
    assert normalise_phone(international, reader) == expected
    assert normalise_phone(national, country) == expected


@settings(deadline=None)  # the first number of a country loads its rules
@given(st.text(max_size=20) | st.text("+0123456789 ()-.", max_size=20), st.sampled_from(COUNTRIES))
def test_normalising_is_total_and_stable(text: str, country: str) -> None:
    """TEA-14: E.164 in ASCII or `invalid_phone`; what came out comes out again."""
    try:
        found = normalise_phone(text, country)
    except InvalidInputError:
        return
    assert found.isascii()
    assert found[0] == "+"
    assert found[1:].isdigit()
    assert len(found) <= 18


def test_a_north_american_number_loads_no_library() -> None:
    """TEA-20: the answer path pays for the number library only when it must."""
    code = (
        "import sys; from concord.domain.phone import normalise_phone;"
        "normalise_phone('+12025550123', 'US'); sys.exit('phonenumbers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
