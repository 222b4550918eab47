"""SMS segments: how many a text takes, and which character makes it take more (R-16)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

# 3GPP TS 23.038 (GSM 03.38), 6.2.1: one septet each. The escape is no character of the alphabet.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# 6.2.1.1, the extension table: an escape and a septet.
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
_GSM_7: Final = _BASIC | _EXTENDED
_BEYOND_ONE_UNIT: Final = 0xFFFF


class Encoding(StrEnum):
    """How the text goes over the air: one character outside GSM-7 makes all of it UCS-2."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


# Units of a text that is one message, and of each part of a longer one: its header takes 6 bytes.
_ALONE: Final = {Encoding.GSM_7: 160, Encoding.UCS_2: 70}
_PART: Final = {Encoding.GSM_7: 153, Encoding.UCS_2: 67}


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a text; `index` counts code points from 0, as `text[index]` does."""

    char: str
    index: int

    @property
    def code_point(self) -> str:
        """Return it as `U+2019`: what can be read of a character that shows nothing."""
        return f"U+{ord(self.char):04X}"


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes as SMS.

    units       septets (GSM-7) or UTF-16 units (UCS-2) of the whole text
    segments    what carriers count and bill; an empty text is one
    remaining   units that still fit into the last segment
    forcing     the first character that GSM-7 does not have: it makes all of the text UCS-2
    plain       the segments of the text without any character that GSM-7 does not have
    second      the character that costs a second segment: `forcing`, if the text would be one
                segment without its like, otherwise the first that the first segment has no room
                for; None = the text is one segment
    """

    encoding: Encoding
    units: int
    segments: int
    remaining: int
    forcing: Character | None
    plain: int
    second: Character | None


def count_segments(text: str) -> Segments:
    """Count the segments of `text` as it is: no character is replaced by one that looks alike."""
    forcing = _first_outside_gsm_7(text)
    if forcing is None:
        encoding, plain = Encoding.GSM_7, None
    else:
        encoding = Encoding.UCS_2
        plain = _fill([_septets(char) for char in text if char in _GSM_7], Encoding.GSM_7)[0]
    widths = list(_widths(text, encoding))
    segments, remaining = _fill(widths, encoding)
    plain = segments if plain is None else plain
    return Segments(
        encoding=encoding,
        units=sum(widths),
        segments=segments,
        remaining=remaining,
        forcing=forcing,
        plain=plain,
        second=None if segments == 1 else _second(text, widths, encoding, forcing, plain),
    )


def _first_outside_gsm_7(text: str) -> Character | None:
    outside = (index for index, char in enumerate(text) if char not in _GSM_7)
    index = next(outside, None)
    return None if index is None else Character(text[index], index)


def _septets(char: str) -> int:
    return 2 if char in _EXTENDED else 1


def _widths(text: str, encoding: Encoding) -> Iterator[int]:
    """Yield the units of each character; both halves of a pair stay in one segment."""
    if encoding is Encoding.GSM_7:
        return (_septets(char) for char in text)
    return (2 if ord(char) > _BEYOND_ONE_UNIT else 1 for char in text)


def _fill(widths: list[int], encoding: Encoding) -> tuple[int, int]:
    """Return the segments, and the units left in the last one.

    A pair that would straddle a seam goes to the next segment whole, and leaves a hole of one
    unit: 153 and 67 units are what a part holds, not what it always has.
    """
    total = sum(widths)
    if total <= _ALONE[encoding]:
        return 1, _ALONE[encoding] - total
    segments, room = 1, _PART[encoding]
    for width in widths:
        if width > room:
            segments, room = segments + 1, _PART[encoding]
        room -= width
    return segments, room


def _second(
    text: str, widths: list[int], encoding: Encoding, forcing: Character | None, plain: int
) -> Character:
    if forcing is not None and plain == 1:
        return forcing
    ends = enumerate(accumulate(widths))
    index = next(index for index, end in ends if end > _ALONE[encoding])
    return Character(text[index], index)
