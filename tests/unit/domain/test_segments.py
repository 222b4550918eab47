"""SMS segments, against 3GPP TS 23.038, Twilio's published vectors and another library."""

from __future__ import annotations

import math

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from concord.domain.segments import Character, Encoding, Segments, count_segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "\f^{}\\[~]|€"
GRIN, FLAG = "\U0001f600", "\U0001f1ee\U0001f1f9"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def _summary(text: str) -> tuple[Encoding, int, int, int]:
    found = count_segments(text)
    return found.encoding, found.units, found.segments, found.remaining


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (GSM, 0, 1, 160)),
        ("Hello", (GSM, 5, 1, 155)),
        ("a" * 160, (GSM, 160, 1, 0)),
        ("a" * 161, (GSM, 161, 2, 145)),
        ("a" * 306, (GSM, 306, 2, 0)),
        ("a" * 307, (GSM, 307, 3, 152)),
        ("a" * 459, (GSM, 459, 3, 0)),
        ("a" * 460, (GSM, 460, 4, 152)),
        ("a" * 1530, (GSM, 1530, 10, 0)),
        ("a" * 1531, (GSM, 1531, 11, 152)),
        ("ж" * 70, (UCS, 70, 1, 0)),
        ("ж" * 71, (UCS, 71, 2, 63)),
        ("ж" * 134, (UCS, 134, 2, 0)),
        ("ж" * 135, (UCS, 135, 3, 66)),
        ("ж" * 670, (UCS, 670, 10, 0)),
        ("ж" * 671, (UCS, 671, 11, 66)),
        # A line break is one character, CR LF are two: GSM-7 has both.
        ("a\nb", (GSM, 3, 1, 157)),
        ("a\r\nb", (GSM, 4, 1, 156)),
        ("€5", (GSM, 3, 1, 157)),
        ("ÑñÇÜ¿¡", (GSM, 6, 1, 154)),
        # Lower-case cedilla, other capitals and a backtick are not in the alphabet.
        ("ç", (UCS, 1, 1, 69)),
        ("á", (UCS, 1, 1, 69)),
        ("`", (UCS, 1, 1, 69)),
        ("\t", (UCS, 1, 1, 69)),
        ("\x1b", (UCS, 1, 1, 69)),
        ("\N{NO-BREAK SPACE}", (UCS, 1, 1, 69)),
        ("it\N{RIGHT SINGLE QUOTATION MARK}s", (UCS, 4, 1, 66)),
        (GRIN, (UCS, 2, 1, 68)),
        (FLAG, (UCS, 4, 1, 66)),
        (FAMILY, (UCS, 8, 1, 62)),
        # In UCS-2 an extension character is one unit like any other.
        ("€" + GRIN, (UCS, 3, 1, 67)),
        # Half a pair is legal in JSON: it goes out as one unit.
        ("\ud83d", (UCS, 1, 1, 69)),
    ],
)
def test_the_count(text: str, expected: tuple[Encoding, int, int, int]) -> None:
    """R-16: encoding, units, segments and what is left of the last one."""
    assert _summary(text) == expected


@pytest.mark.parametrize("char", BASIC)
def test_every_character_of_the_basic_table_is_one_septet(char: str) -> None:
    """R-16: the whole default alphabet of TS 23.038, 6.2.1."""
    assert _summary(char) == (GSM, 1, 1, 159)


@pytest.mark.parametrize("char", EXTENDED)
def test_every_character_of_the_extension_table_is_two(char: str) -> None:
    """R-16: escape and septet, which stay together where one part ends and the next begins."""
    assert _summary(char) == (GSM, 2, 1, 158)
    assert _summary("a" * 158 + char) == (GSM, 160, 1, 0)
    assert _summary("a" * 159 + char) == (GSM, 161, 2, 145)
    assert _summary("a" * 151 + char + "a" * 153) == (GSM, 306, 2, 0)
    # 152 + 2 do not fit into 153: a hole of one septet, and a third segment for 306 septets.
    assert _summary("a" * 152 + char + "a" * 152) == (GSM, 306, 3, 152)
    assert _summary(char * 80) == (GSM, 160, 1, 0)
    assert _summary(char * 152) == (GSM, 304, 2, 1)
    assert _summary(char * 153) == (GSM, 306, 3, 151)


def test_a_surrogate_pair_is_never_split() -> None:
    """R-16: 67 is odd, so a text of nothing but emoji has 66 units in each part."""
    assert _summary(GRIN * 35) == (UCS, 70, 1, 0)
    assert _summary(GRIN * 66) == (UCS, 132, 2, 1)
    assert _summary(GRIN * 67) == (UCS, 134, 3, 65)
    assert _summary("a" * 66 + GRIN + "a" * 66) == (UCS, 134, 3, 66)
    assert _summary("a" * 65 + GRIN + "a" * 67) == (UCS, 134, 2, 0)


DIGITS = "1234567890" * 40
WINK, RAINBOW = "\U0001f61c", "\U0001f3f3\ufe0f\u200d\U0001f308"


def _headed(head: str, length: int) -> str:
    """Return digits with `head` in the place of the first one, `length` characters in all."""
    return head + DIGITS[1:length]


# (text, encoding, segments, bits without headers) of Twilio's calculator, tests/index.test.js of
# github.com/TwilioDevEd/message-segment-calculator as of 2023; the texts are built, not copied.
TWILIO = [
    (DIGITS[:160], GSM, 1, 1120),
    (DIGITS[:161], GSM, 2, 1127),
    (DIGITS[:307], GSM, 3, 2149),
    (_headed(WINK, 69), UCS, 1, 1120),
    (_headed(WINK, 70), UCS, 2, 1136),
    (_headed(WINK, 134), UCS, 3, 2160),
    (_headed(FLAG, 67), UCS, 1, 1120),
    (_headed(FLAG, 68), UCS, 2, 1136),
    (_headed(RAINBOW, 65), UCS, 1, 1120),
    (_headed(RAINBOW, 66), UCS, 2, 1136),
    *((char + DIGITS[:158], GSM, 1, 1120) for char in "|^€{}[]~\\"),
    *((char + DIGITS[:159], GSM, 2, 1127) for char in "|^€{}[]~\\"),
    *((char * 70, UCS, 1, 1120) for char in "ÁÚúçíÍóÓ"),
    *((char * 71, UCS, 2, 1136) for char in "ÁÚúçíÍóÓ"),
    (GRIN + "]" * 68, UCS, 1, 1120),
    (GRIN + "]" * 69, UCS, 2, 1136),
    ("\nabcde\n\n123\n", GSM, 1, 84),
    ("é\u0301\u0301" + "a" * 67, UCS, 1, 1120),
    ("é\u0301\u0301" + "a" * 68, UCS, 2, 1136),
]


@pytest.mark.parametrize(("text", "encoding", "segments", "bits"), TWILIO)
def test_twilios_published_vectors(text: str, encoding: Encoding, segments: int, bits: int) -> None:
    """R-16: what the carrier bills is what the preview says."""
    found = count_segments(text)
    assert (found.encoding, found.segments) == (encoding, segments)
    assert found.units * (7 if encoding is GSM else 16) == bits


def test_where_twilios_calculator_differs() -> None:
    """R-16: what is deliberately not followed, with the reason.

    1. It looks at what a reader sees as one character; CR LF is one such, so it counts a text with
       CR LF as UCS-2. TS 23.038 has both characters in the alphabet: GSM-7.
    2. It keeps what a reader sees as one character in one segment, so a flag (four units) leaves a
       hole of up to three. TS 23.040 keeps only the two halves of a pair together.
    3. It counts é as UCS-2 for Malaysia, where carriers do not pass GSM-7 accents: a matter of the
       route, which the text does not tell.
    """
    assert _summary("\rabcde\r\n123") == (GSM, 11, 1, 149)
    assert _summary("a" * 65 + FLAG + "a" * 65) == (UCS, 134, 2, 0)
    assert _summary("é" * 113) == (GSM, 113, 1, 47)


def _second(text: str) -> Character | None:
    return count_segments(text).second


@pytest.mark.parametrize(
    ("text", "forcing", "plain", "segments"),
    [
        ("a" * 160, None, 1, 1),
        ("a" * 161, None, 2, 2),
        ("it\u2019s", Character("\u2019", 2), 1, 1),
        ("“Sale”" + "a" * 100, Character("“", 0), 1, 2),
        ("a" * 100 + "ж" + GRIN, Character("ж", 100), 1, 2),
        ("a" * 170 + GRIN, Character(GRIN, 170), 2, 3),
        ("€" * 80 + "`", Character("`", 80), 1, 2),
        (GRIN, Character(GRIN, 0), 1, 1),
    ],
)
def test_the_character_that_forces_ucs_2(
    text: str, forcing: Character | None, plain: int, segments: int
) -> None:
    """R-16: the first of them, and the segments without any of them."""
    found = count_segments(text)
    assert (found.forcing, found.plain, found.segments) == (forcing, plain, segments)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("a" * 160, None),
        ("it\u2019s", None),
        # Plain text: the first character for which there is no room.
        ("a" * 160 + "b", Character("b", 160)),
        ("a" * 159 + "€b", Character("€", 159)),
        # Without its curly quotes it would be one segment: the first of them is to blame.
        ("“Sale”" + "a" * 100, Character("“", 0)),
        ("a" * 100 + "\u2019", Character("\u2019", 100)),
        # Two segments anyway: taking the emoji out would not help.
        (GRIN + "a" * 170, Character("a", 69)),
    ],
)
def test_the_character_that_costs_a_second_segment(text: str, second: Character | None) -> None:
    """R-16, R-11: what the preview points at."""
    assert count_segments(text).second == second


def test_a_character_that_shows_nothing_can_be_named() -> None:
    """R-16: a zero-width space is told as its code point."""
    forcing = count_segments("a\N{ZERO WIDTH SPACE}").forcing
    assert forcing is not None
    assert forcing.code_point == "U+200B"


TEXTS = st.text(st.sampled_from(BASIC + EXTENDED * 8), max_size=500) | st.text(
    st.sampled_from("ab]€ж\u2019" + GRIN + WINK), max_size=250
)


@given(TEXTS)
@example("a" * 152 + "€" + "a" * 7)
@example("a" * 69 + GRIN)
def test_beside_smsutil(text: str) -> None:
    """R-16: another implementation of TS 23.038 (reliability 34) counts the same."""
    found, theirs = count_segments(text), smsutil.split(text)
    assert found.segments == len(theirs.parts)
    if text:
        assert (found.encoding is GSM) == (theirs.encoding == "gsm0338")
    per_unit = 1 if found.encoding is GSM else 2
    assert found.units * per_unit == theirs.total_bytes


def test_where_smsutil_differs() -> None:
    """R-16: both cases are ours by TS 23.038.

    1. An empty text has no character outside the alphabet: GSM-7. smsutil says UTF-16.
    2. U+001B is the escape to the extension table and no character (6.2.1, note 1), so a text that
       holds it cannot go out as GSM-7. smsutil counts it as a septet of its own.
    """
    assert count_segments("").encoding is GSM
    assert smsutil.split("").encoding == "utf_16_be"
    assert count_segments("\x1b").encoding is UCS
    assert smsutil.split("\x1b").encoding == "gsm0338"


@given(TEXTS, TEXTS)
def test_more_text_is_never_cheaper(text: str, more: str) -> None:
    """R-16: counts grow with the text, and what is left adds up."""
    before, after = count_segments(text), count_segments(text + more)
    assert after.segments >= before.segments
    assert before.plain <= before.segments
    assert (before.second is None) == (before.segments == 1)


@given(TEXTS)
def test_remaining_is_what_still_fits(text: str) -> None:
    """R-16: as many more plain characters cost nothing, and one more costs a segment."""
    found = count_segments(text)
    assert count_segments(text + "a" * found.remaining).segments == found.segments
    assert count_segments(text + "a" * (found.remaining + 1)).segments == found.segments + 1


@given(TEXTS)
def test_the_count_is_within_the_bounds_of_the_arithmetic(text: str) -> None:
    """R-16: never fewer than the units need; a hole costs at most one unit a segment."""
    found: Segments = count_segments(text)
    alone, part = (160, 153) if found.encoding is GSM else (70, 67)
    if found.units <= alone:
        assert found.segments == 1
        return
    assert math.ceil(found.units / part) <= found.segments <= math.ceil(found.units / (part - 1))
