"""The table is away for some seconds, or slow, while a chunk is handed over; nobody is killed."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from concord.services.chunk_run import CALLS
from tests.sending.carriers import Call
from tests.sending.stage import Stage, moment
from tests.support.counting import client_error


def _away(stage: Stage, since: float, until: float) -> None:
    """Let the table answer nothing but errors for a while."""

    def step(name: str, before: bool) -> None:
        if before and since <= stage.virtual.monotonic() < until:
            raise client_error("InternalServerError", name)

    stage.on_step = step


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("tenth", range(2, 32, 3))
def test_an_outage_makes_nobody_uncertain(tenth: int, bulk: bool) -> None:
    """R-10: who was told what became of a text does not forget it over a table that is away for
    two seconds; also where the sender cannot be asked afterwards."""
    stage = Stage(bulk=bulk, workers=2)
    stage.carrier.lookups = False
    shop = stage.shop(count=24)
    broadcast = stage.broadcast(shop, chunk_size=12, slice_size=4)
    _away(stage, tenth / 10, tenth / 10 + 2)
    stage.sweeps(3600)
    stage.virtual.run(3600)
    assert stage.report(broadcast) == {"sent": 24}
    assert set(stage.carrier.texts.values()) == {1}


@pytest.mark.parametrize("tenth", range(2, 42, 3))
def test_an_outage_within_a_slow_slice_makes_nobody_uncertain(tenth: int) -> None:
    """R-10: nor whoever was texted before the worker wanted to look at the others once more."""
    stage = Stage()
    stage.carrier.lookups = False
    shop = stage.shop(count=6)
    stage.carrier.out = {shop.numbers[shop.points[1]]}
    broadcast = stage.broadcast(shop, rate=1.0, slice_size=3)
    _away(stage, tenth / 10, tenth / 10 + 2)
    stage.sweeps(3600)
    stage.virtual.run(3600)
    assert stage.report(broadcast) == {"sent": 5, "skipped:opted_out_at_carrier": 1}
    assert set(stage.carrier.texts.values()) == {1}


def test_no_call_is_made_in_the_last_seconds_of_a_lease_however_slow_the_start_was() -> None:
    """R-10: what the worker had to read before its first slice took twelve seconds; the function
    ends all the same, and with it a call that would be in doubt."""
    stage = Stage()
    shop = stage.shop(count=40)
    workers: list[threading.Thread] = []

    def step(name: str, before: bool) -> None:
        if name == "dynamodb.query" and before and not workers:
            workers.append(threading.current_thread())
            stage.virtual.wait(12)

    begun: list[datetime] = []

    def began(call: Call) -> None:
        if threading.current_thread() in workers:
            begun.append(call.at)

    stage.on_step = step
    stage.carrier.began = began
    broadcast = stage.broadcast(shop, rate=0.4)
    stage.sweeps(3600)
    stage.virtual.run(3600)
    assert moment(30) < max(begun) <= moment(1) + CALLS
    assert stage.report(broadcast) == {"sent": 40}
