"""The whole text of a broadcast: its lines by law, and its longest."""

from __future__ import annotations

from datetime import date

import pytest

from concord.domain.broadcast_body import whole_body
from concord.domain.errors import InvalidInputError
from concord.domain.segments import count_segments

TODAY = date(2026, 11, 22)
LINE = "\nReply STOP to opt out"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * (1530 - len(LINE)), True),
        ("a" * (1531 - len(LINE)), False),
        ("ж" * (670 - len(LINE)), True),
        ("ж" * (671 - len(LINE)), False),
        ("\U0001f600" * 1500, False),
    ],
)
def test_ten_segments_are_the_most(text: str, fits: bool) -> None:
    """R-16: in whatever alphabet, the line of the law counted: what is longer carriers cut or
    refuse, and a text of emoji that looks short would cost four times what was meant."""
    if fits:
        assert count_segments(whole_body(text, "US", "Green Grocer", TODAY)).segments == 10
        return
    with pytest.raises(InvalidInputError) as refused:
        whole_body(text, "US", "Green Grocer", TODAY)
    assert [error.field for error in refused.value.errors] == ["text"]


def test_who_is_refused_learns_what_makes_it_long() -> None:
    """R-16: how many segments, what the law added, and the character that costs most."""
    with pytest.raises(InvalidInputError) as refused:
        whole_body("a" * 700 + "ж", "US", "Green Grocer", TODAY)
    [error] = refused.value.errors
    assert error.message == (
        "use at most 10 segments; these are 11, with 22 characters added by law; "
        "ж (U+0436) is not in GSM-7, so that one holds 67 characters instead of 153"
    )
    with pytest.raises(InvalidInputError) as refused:
        whole_body("a" * 1531 + LINE, "US", "Green Grocer", TODAY)
    assert refused.value.errors[0].message == "use at most 10 segments; these are 11"
