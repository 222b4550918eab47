"""The pace of a sender, on a virtual clock: how fast, how evenly, how fair (R-08)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest

from concord.domain.pacing import booking_size
from tests.sending.carriers import Call
from tests.sending.shop import Shop
from tests.sending.stage import Stage
from tests.support.virtual import START

SECOND = timedelta(seconds=1)


def busiest_second(calls: Sequence[Call]) -> int:
    """Return the most texts that began within any second."""
    starts = sorted((call.at, len(call.numbers)) for call in calls)
    most = first = running = 0
    for at, count in starts:
        running += count
        while starts[first][0] <= at - SECOND:
            running -= starts[first][1]
            first += 1
        most = max(most, running)
    return most


def mean_rate(calls: Sequence[Call]) -> float:
    """Return texts a second from the first to the last, the last call's time included."""
    texts = sum(len(call.numbers) for call in calls)
    last = len(calls[-1].numbers)
    return (texts - last) / (calls[-1].at - calls[0].at).total_seconds()


@pytest.mark.parametrize(
    ("rate", "count", "workers"), [(1.0, 150, 5), (10.0, 1500, 8), (100.0, 6000, 40)]
)
def test_no_second_is_too_full_and_the_mean_is_high(rate: float, count: int, workers: int) -> None:
    """R-08, reliability 29: 1, 10 and 100 a second, over many chunks and workers."""
    dice = random.Random(29)
    stage = Stage(workers=workers)
    stage.carrier.latency = lambda: dice.uniform(0.05, 0.12)
    shop = stage.shop(count=count)
    broadcast = stage.broadcast(shop, rate=rate, chunk_size=max(50, count // 12))
    stage.virtual.run(count / rate * 1.5 + 60)
    assert stage.report(broadcast) == {"sent": count}
    calls = stage.carrier.calls
    assert busiest_second(calls) <= rate + booking_size(10, rate, bulk=False)
    # The last chunks keep fewer workers busy than a fast sender needs.
    assert mean_rate(calls[: int(0.8 * count)]) >= 0.95 * rate
    booked = [call for call in stage.paced if call == "book"]
    assert len(booked) / (count / rate) < 10


@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_bulk_calls_keep_the_rate(rate: float) -> None:
    """R-08: a call is a minute's worth at most, and the next one waits for as long."""
    stage = Stage(bulk=True, workers=4)
    shop = stage.shop(count=int(300 * rate))
    size = int(60 * rate)
    broadcast = stage.broadcast(shop, rate=rate, slice_size=size, chunk_size=size)
    stage.virtual.run(600)
    assert stage.report(broadcast) == {"sent": len(shop.numbers)}
    assert busiest_second(stage.carrier.calls) <= rate + size
    assert mean_rate(stage.carrier.calls) >= 0.95 * rate


def test_two_broadcasts_of_one_sender_share_its_rate() -> None:
    """R-08: one clock for all broadcasts of an account."""
    stage = Stage(workers=8)
    shop = stage.shop(count=400)
    for token in ("00000001", "00000002"):
        stage.broadcast(shop, rate=10.0, chunk_size=100, token=token)
    stage.virtual.run(300)
    assert len(stage.carrier.calls) == 800
    assert busiest_second(stage.carrier.calls) <= 10 + booking_size(10, 10.0, bulk=False)
    assert mean_rate(stage.carrier.calls) >= 9.5


def test_who_was_held_up_does_not_make_up_for_it() -> None:
    """R-08: a slot that is too old is lost, so even a stall of all workers ends without a flood."""
    stage = Stage(workers=40)
    stage.carrier.latency = lambda: 8.0 if 10 <= stage.virtual.monotonic() < 11 else 0.3
    shop = stage.shop(count=2000)
    broadcast = stage.broadcast(shop, rate=50.0, chunk_size=60)
    stage.virtual.at(18, partial(setattr, stage.carrier, "latency", lambda: 0.001))
    stage.virtual.run(900)
    assert stage.report(broadcast) == {"sent": 2000}
    # With what they had booked for the eight seconds it would be a hundred and more.
    assert busiest_second(stage.carrier.calls) <= 50 + booking_size(10, 50.0, bulk=False)


def test_a_sender_that_is_down_is_left_alone() -> None:
    """Reliability 32: down for 60 s: threshold and probes alone, full rate soon after."""
    stage = Stage(workers=6)
    shop = stage.shop(count=1500)
    down, back = START + timedelta(seconds=20), START + timedelta(seconds=80)
    refused: list[datetime] = []

    def fault(call: Call) -> None:
        if down <= call.at < back:
            refused.append(call.at)
            raise stage.unreachable()

    stage.carrier.fault = fault
    broadcast = stage.broadcast(shop, rate=10.0, chunk_size=200)
    stage.sweeps(1800)
    stage.virtual.run(1800)
    assert stage.report(broadcast) == {"sent": 1500}
    # Threshold, those who were on their way when it opened, and a probe after 5, 10, 20 and 30 s.
    assert len(refused) <= 5 + 6 + 4
    assert len(refused) <= 0.2 * len(stage.carrier.calls)
    again = [call for call in stage.carrier.calls if "-a" in call.reference]
    assert sum(len(call.numbers) for call in again) <= 0.2 * len(stage.carrier.calls)
    recovered = back + 2 * timedelta(seconds=30)
    after = [c for c in stage.carrier.calls if recovered <= c.at < recovered + 10 * SECOND]
    assert sum(len(call.numbers) for call in after) >= 0.95 * 100


def waits_of_small_merchants(crowd: int, *, fair: bool) -> list[float]:
    """Return how long each of ten merchants with ten recipients waited for the first text, while
    one other merchant's `crowd` of recipients is queued."""
    stage = Stage(workers=50, fair=fair)
    stage.carrier.latency = lambda: 0.1
    if crowd:
        large = stage.shop("large", count=1000)
        for token in range(crowd // 1000):
            stage.broadcast(large, rate=100.0, token=f"{token:08x}", points=large.points)
    asked: dict[str, float] = {}
    for number in range(10):
        small = stage.shop(f"small{number}" + "x" * number, count=10)
        at = 0.01 + 2.3 * number
        asked |= dict.fromkeys(small.numbers.values(), at)
        stage.virtual.at(at, partial(_begin, stage, small, number))
    stage.virtual.run(60)
    begun: dict[float, float] = {}
    for call in stage.carrier.calls:
        since = asked.get(call.numbers[0])
        if since is not None:
            begun.setdefault(since, (call.at - START).total_seconds() - since)
    assert len(begun) == 10
    return sorted(begun.values())


def _begin(stage: Stage, shop: Shop, number: int) -> None:
    stage.broadcast(shop, rate=10.0, token=f"bbbbbbb{number}")


def test_a_small_merchant_does_not_wait_for_a_large_one() -> None:
    """Reliability 30: A 100 k queued, B 10: B's p95 wait <= 2 x idle; beside plain order."""
    idle, fair, plain = (
        waits_of_small_merchants(0, fair=True)[-1],
        waits_of_small_merchants(100_000, fair=True)[-1],
        waits_of_small_merchants(100_000, fair=False)[-1],
    )
    assert fair <= 2 * idle
    assert plain > 2 * idle
