"""The two spellings of a number that the simulated platforms use: E.164 and bare digits."""

import re

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_NATIONAL_LENGTH = 10  # bare digits of this length are North American


def is_e164(number: str) -> bool:
    """Tell whether `number` is spelled as E.164."""
    return _E164.fullmatch(number) is not None


def is_digits(number: str) -> bool:
    """Tell whether `number` is spelled as bare digits."""
    return _DIGITS.fullmatch(number) is not None


def to_e164(number: str) -> str:
    """Spell a number as E.164: ten bare digits are +1, other digits already hold their code."""
    digits = re.sub(r"[^0-9]", "", number)
    if not number.strip().startswith("+") and len(digits) == _NATIONAL_LENGTH:
        return f"+1{digits}"
    return f"+{digits}"


def to_digits(number: str) -> str:
    """Spell an E.164 number as digits: ten for +1, otherwise E.164 without its plus."""
    digits = number.removeprefix("+")
    return digits[1:] if digits.startswith("1") and len(digits) == _NATIONAL_LENGTH + 1 else digits
