"""Sending by many at once: caps, slices and the pace, on real conditions with real threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from concord.adapters.dynamodb.caps import DynamoDbCaps
from concord.adapters.dynamodb.chunks import DynamoDbChunks
from concord.adapters.dynamodb.pace import DynamoDbPace
from concord.adapters.dynamodb.table import Table
from concord.domain.caps import Cap
from concord.domain.pacing import Booked
from tests.support.builders import MERCHANT, NOW
from tests.support.contracts.sending import KEY, OK, SENDER, part, planned, point, wanted

type Race = Callable[..., list[Any]]
pytestmark = pytest.mark.usefixtures("judged")


def test_broadcasts_at_once_never_exceed_the_cap(table: Table, race: Race) -> None:
    """R-02: eight broadcasts to the same sixty numbers, three texts each and no more."""
    points = [point(n) for n in range(60)]
    everybody = dict.fromkeys(points, (Cap(3, 7),))
    refused = race(lambda n: DynamoDbCaps(table).book(MERCHANT, everybody, f"b{n}", NOW), threads=8)
    booked = Counter(p for each in refused for p in points if p not in each)
    assert set(booked.values()) == {3}
    assert len(booked) == len(points)


def test_one_of_many_workers_claims_a_slice(table: Table, race: Race) -> None:
    """R-09: whoever is told that it claimed, alone hands over."""
    planned(table)
    won = race(
        lambda n: DynamoDbChunks(table).advance(
            None, part(*[OK] * (1 + n % 3), number=0), (), NOW + timedelta(seconds=n)
        )
    )
    assert sum(won) == 1
    assert len(DynamoDbChunks(table).slices(KEY)) == 1


def test_bookings_at_once_never_overlap(table: Table, race: Race) -> None:
    """R-08: one clock for all workers of a sender."""
    booked = race(lambda _: DynamoDbPace(table).book(SENDER, wanted(1), NOW), threads=16)
    starts = sorted(each.start for each in booked if isinstance(each, Booked))
    assert len(starts) == 16
    assert all(b - a >= timedelta(seconds=0.1) for a, b in pairwise(starts))
