"""What a preview counts, what it costs, and when the last text would start."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from concord.domain.broadcast import Frozen
from concord.domain.chunks import Decided, Outcome
from concord.domain.connection import SegmentPrice
from concord.domain.preview import Reckoning, preview_of

START = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
MORNING = START + timedelta(hours=2)
NOW = Decided(Outcome.PENDING)
LATER = Decided(
    Outcome.DEFERRED, "quiet_hours", 1, ("r",), ("Pacific/Honolulu 06:00",), until=MORNING
)
CAPPED = Decided(Outcome.SKIPPED, "capped")


def frozen(body: str = "Sale! Reply STOP to opt out", rate: float = 2.0) -> Frozen:
    return Frozen("s", START, body, 1, rate, 10, True)


def reckoned(*decided: Decided) -> Reckoning:
    found = Reckoning()
    found.add(decided)
    return found


def test_everybody_is_counted_once() -> None:
    """R-11, L-04: recipients = texts + excluded; who waits is named by her local start."""
    found = reckoned(NOW, NOW, LATER, LATER, LATER, CAPPED)
    shown = preview_of(found, frozen(), START, None)
    assert (shown["recipients"], shown["texts"], shown["texts_at_once"]) == (6, 5, 2)
    assert shown["excluded"] == {"capped": 1}
    assert shown["waiting"] == [
        {
            "until": "2026-11-23T18:00:00.000000Z",
            "local_start": "08:00 Pacific/Honolulu",
            "recipients": 3,
        }
    ]


def test_what_was_reckoned_survives_storage() -> None:
    """R-11: a large preview is made in parts."""
    found = reckoned(NOW, LATER, CAPPED)
    assert Reckoning.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("now", "later", "rate", "seconds"),
    [
        (0, 0, 2.0, 0),
        (10, 0, 2.0, 5),
        (0, 10, 2.0, 2 * 3600 + 5),
        (10, 10, 2.0, 2 * 3600 + 5),
        (7200 * 3, 10, 2.0, 10_800 + 5),  # the morning comes while the others are still going out
    ],
)
def test_the_finish_is_at_the_senders_pace(
    now: int, later: int, rate: float, seconds: float
) -> None:
    """R-11: who waits comes at her hour, behind whoever is before her."""
    found = reckoned(*[NOW] * now, *[LATER] * later)
    assert found.finish_at(START, rate) == START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("body", "segments", "character", "amount"),
    [
        ("x" * 160, 1, None, "0.0158"),
        ("x" * 160 + "y", 2, "y", "0.0316"),
        ("x" * 69 + "Ž", 1, None, "0.0158"),
        ("x" * 70 + "Ž", 2, "Ž", "0.0316"),
    ],
)
def test_segments_and_cost(body: str, segments: int, character: str | None, amount: str) -> None:
    """R-16, R-11: every text costs its segments; the character that costs a second one is named."""
    price = SegmentPrice("0.0079", "USD")
    shown = preview_of(reckoned(NOW, LATER, CAPPED), frozen(body), START, price)
    assert shown["segments"] == segments
    second = shown["second_segment"]
    assert (second and second["character"]) == character
    assert shown["cost"] == {"amount": amount, "currency": "USD"}


def test_without_a_price_the_cost_is_unknown() -> None:
    """R-11: and not nothing."""
    assert preview_of(reckoned(NOW), frozen(), START, None)["cost"] is None
