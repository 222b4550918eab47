"""The table is away for some seconds, or slow, while a chunk is handed over; nobody is killed."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from botocore.exceptions import ReadTimeoutError

from concord.domain.errors import ThrottledError
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


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("throttled", [False, True])
def test_an_answer_of_the_table_that_was_lost_changes_nothing(bulk: bool, throttled: bool) -> None:
    """Reliability 13: done, and nobody told us: of each request in turn; a claim is still ours, and
    so is an outcome, also where the sender cannot be asked."""
    steps = _lose(0, bulk=bulk, throttled=throttled)
    assert steps > 15
    for number in range(1, steps + 1):
        _lose(number, bulk=bulk, throttled=throttled)


def _lose(number: int, *, bulk: bool, throttled: bool) -> int:
    """Send once, with the answer of one request lost, or of none (0); return how many there are."""
    stage = Stage(bulk=bulk, workers=2)
    stage.carrier.lookups = False
    steps = 0

    def step(name: str, before: bool) -> None:
        nonlocal steps
        if not before and name != "sqs.send":
            steps += 1
            if steps == number:
                raise ReadTimeoutError(endpoint_url="table")

    def busy(call: Call) -> None:
        if throttled and len(stage.carrier.calls) == 2:
            raise ThrottledError("busy", retry_after=1.0)

    stage.on_step = step
    stage.carrier.fault = busy
    shop = stage.shop(count=5)
    stage.carrier.out = {shop.numbers[shop.points[1]]}
    broadcast = stage.broadcast(shop, slice_size=2, chunk_size=4)
    stage.sweeps(3600)
    stage.virtual.run(3600)
    report = stage.report(broadcast)
    assert report == {"sent": 4, "skipped:opted_out_at_carrier": 1}, f"the answer of {number}"
    assert len(stage.carrier.texts) == 4
    assert not stage.memory.rows("TS#")
    return steps
