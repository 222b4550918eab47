"""Ellity's webhook: values that arrive as texts, variables that are absent, the tier."""

from __future__ import annotations

import json
from typing import Any

import pytest

from concord.domain.events import CreditChanged, ParsedWebhook, RawRequest, UnparseableError
from concord.platforms.ellity.webhook import WEBHOOK
from tests.unit.platforms.kit import NOW

CREDIT = {"event": "credit", "id": "8812", "email": "jan@novak.example", "credit": "120"}


def parse(body: Any, **settings: Any) -> ParsedWebhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WEBHOOK.parse(RawRequest("POST", {}, raw, NOW), settings)


def credit_of(value: Any) -> int:
    (event,) = parse({**CREDIT, "credit": value}).events
    assert isinstance(event, CreditChanged)
    return event.credit


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("120", 120),
        ("0", 0),
        ("-30", -30),
        ("+5", 5),
        (" 7 ", 7),
        ("007", 7),
        ("1 250", 1250),
        ("1\u00a0250\u202f000", 1_250_000),
        ("45,00", 45),
        ("45.0", 45),
        (120, 120),
        (120.0, 120),
    ],
)
def test_points_are_read_however_they_are_spelled(theirs: Any, ours: int) -> None:
    """ECO-07: values arrive as texts."""
    assert credit_of(theirs) == ours


@pytest.mark.parametrize(
    "theirs",
    [
        "4,5",
        "4.5",
        "1,000",
        "1.000",
        "12 50",
        "٣",
        "x",
        "1e3",
        "--1",
        True,
        [],
        4.5,
        10**30,
        "9" * 99,
    ],
)
def test_what_is_no_whole_number_is_not_guessed(theirs: Any) -> None:
    """Points are whole: one and a thousand are never mixed up."""
    with pytest.raises(UnparseableError):
        credit_of(theirs)


def test_absent_variables_are_not_told() -> None:
    """Platform page: an absent variable leaves an empty text."""
    (event,) = parse({**CREDIT, "email": "", "delta": ""}).events
    assert event == CreditChanged(None, "8812", None, 120)
    (by_mail,) = parse({**CREDIT, "id": "", "delta": "-5"}).events
    assert by_mail == CreditChanged(None, None, "jan@novak.example", 120, -5)
    assert "novak" not in repr(by_mail)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":"credit","id":"1","email":"a"b@c.cz"}',  # a quote that nobody escaped
        {**CREDIT, "id": "", "email": ""},
        {**CREDIT, "credit": ""},
        {**CREDIT, "event": ""},
        {**CREDIT, "email": ["a@b.cz"]},
        [CREDIT],
    ],
)
def test_what_cannot_be_read_is_unparseable(body: Any) -> None:
    """Reliability 2: kept for a replay; nothing of it stands in the message."""
    with pytest.raises(UnparseableError) as caught:
        parse(body)
    assert "@" not in str(caught.value)


def test_a_tier_is_dropped_and_anything_else_unknown() -> None:
    """Platform page: VIP tier changes are told too."""
    assert parse({"event": "tier", "id": "8812"}) == ParsedWebhook()
    assert parse({"event": "birthday"}).unknown_type == "birthday"
    assert parse({"event": "vip"}, types={"vip": "tier"}) == ParsedWebhook()
    assert parse({"event": "x"}, types={"x": ["credit"]}, fields={"id": 3}).unknown_type == "x"


def test_an_id_of_the_merchants_own_names_the_event() -> None:
    """ECO-13: a repeat can be told where the template has something unique."""
    found = parse({**CREDIT, "change": "c-1"}, fields={"event_id": "change"})
    assert found.event_id == "c-1"
    assert found.events[0].event_id == "c-1"
