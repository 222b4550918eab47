"""STOP at a random moment of a send: no text begins more than a second after it is stored."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests.sending.carriers import Call
from tests.sending.shop import Shop
from tests.sending.stage import Stage

RUNS = 10_000
_PER_SEND = 250


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("seed", range(RUNS // _PER_SEND // 2))
def test_no_text_begins_a_second_after_a_stop(seed: int, bulk: bool) -> None:
    """Reliability 31, TEA-09: 10,000 STOPs at random moments, each of another number; what is
    handed over at once is a minute of the sender's rate at most."""
    dice = random.Random(seed)
    stage = Stage(bulk=bulk, workers=4, table_latency=dice.choice([0.004, 0.05, 0.4]))
    stage.carrier.latency = lambda: dice.uniform(0.02, 1.5)
    rate = dice.choice([2.0, 10.0, 40.0])
    shop = stage.shop(count=_PER_SEND)
    stopped: dict[str, datetime] = {}
    begun: list[float] = []

    def began(call: Call) -> None:
        assert len(call.numbers) <= max(10, 60 * rate)
        for number in call.numbers:
            if (at := stopped.get(number)) is not None:
                begun.append((call.at - at) / timedelta(seconds=1))

    stage.carrier.began = began
    broadcast = stage.broadcast(shop, rate=rate, slice_size=60 if bulk else 10, chunk_size=100)
    for number in shop.numbers.values():
        when = dice.uniform(0, 1.2 * _PER_SEND / rate)
        stage.virtual.at(when, partial(_stop, stage, shop, number, stopped))
    stage.sweeps(7200)
    stage.virtual.run(7200)
    report = stage.report(broadcast)
    assert len(stopped) == _PER_SEND
    assert report["skipped:opted_out_after_queue"] > 0
    assert max(begun, default=0.0) <= 1.0


def _stop(stage: Stage, shop: Shop, number: str, stopped: dict[str, datetime]) -> None:
    stage.stop(shop, number)
    stopped[number] = stage.virtual.now()
