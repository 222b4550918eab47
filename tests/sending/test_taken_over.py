"""A worker stands still at each of its requests until its lease is over, and then goes on.

Another one has taken the chunk over by then. No function lives that long; what holds here is not
the time that it has, but the conditions of its writes (ADR 17).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.connection import ConnectionState
from concord.domain.errors import ThrottledError
from tests.sending.carriers import Call
from tests.sending.stage import Stage

_COUNT, _SLICE = 4, 2
_LEASE_OVER = 61.0
_AWAY = 200.0


def _smooth(call: Call) -> None:
    """Nothing goes wrong."""


def _busy_at_first() -> Callable[[Call], None]:
    """One text of the first slice is taken, and the other one is not."""
    calls: list[Call] = []

    def fault(call: Call) -> None:
        calls.append(call)
        if len(calls) == 2:
            raise ThrottledError("busy", retry_after=1.0)

    return fault


FAULTS = {"smooth": lambda: _smooth, "busy": _busy_at_first}


@pytest.mark.parametrize("lookups", [True, False])
@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_two_workers_of_one_chunk_text_nobody_twice(fault: str, bulk: bool, lookups: bool) -> None:
    """R-09, R-10: a claim has one owner, and what became of a slice is said once."""
    steps = _play(fault, bulk=bulk, lookups=lookups, stands_at=0)
    assert steps > 15
    for number in range(1, steps + 1):
        try:
            _play(fault, bulk=bulk, lookups=lookups, stands_at=number)
        except BaseException as error:
            error.add_note(f"stood still at {number} of {steps}")
            raise


def _play(fault: str, *, bulk: bool, lookups: bool, stands_at: int) -> int:
    """Send once, with a worker that stands still at one of its requests, or at none (0); return how
    many there are."""
    stage = Stage(bulk=bulk, workers=3)
    stage.carrier.lookups = lookups
    stage.carrier.fault = FAULTS[fault]()
    steps = 0

    def step(name: str, before: bool) -> None:
        nonlocal steps
        steps += 1
        if steps == stands_at:
            stage.virtual.after(_LEASE_OVER, partial(stage.wake, broadcast))
            stage.virtual.wait(_AWAY)

    stage.on_step = step
    shop = stage.shop(count=_COUNT)
    broadcast = stage.broadcast(shop, slice_size=_SLICE)
    stage.sweeps(7200)
    stage.virtual.run(7200)
    _check(stage, broadcast, in_doubt=0 if lookups else _SLICE * bool(stands_at))
    return steps


def _check(stage: Stage, broadcast: Broadcast, *, in_doubt: int) -> None:
    report, texts = stage.report(broadcast), stage.carrier.texts
    assert max(texts.values()) == 1
    sent, uncertain = report.get("sent", 0), report.get("uncertain", 0)
    assert sent + uncertain == _COUNT
    assert uncertain <= in_doubt
    assert sent <= len(texts) <= sent + uncertain
    assert not stage.memory.rows("TS#")
    parts = [
        part for tally in stage.tallies(broadcast) for part in stage.parts.chunks.slices(tally.key)
    ]
    told = [each.outcome.value for part in parts for each in part.decided]
    assert told.count("sent") == sent, "what is counted and what is stored differ"
    assert told.count("uncertain") == uncertain


@pytest.mark.parametrize("ends", ["cancelled", "disconnected"])
@pytest.mark.parametrize("bulk", [False, True])
def test_who_was_counted_as_skipped_is_claimed_by_nobody_any_more(bulk: bool, ends: str) -> None:
    """R-09: cancelled or disconnected while a worker stands still: another one closes the chunk,
    and the first adds nobody to the report, nor texts anybody."""

    def play(stands_at: int) -> int:
        stage = Stage(bulk=bulk, workers=3)
        steps = 0

        def end() -> None:
            if ends == "cancelled":
                stage.change(broadcast, state=BroadcastState.CANCELLED)
            else:
                stage.connection(shop, ConnectionState.DISCONNECTED)

        def step(name: str, before: bool) -> None:
            nonlocal steps
            steps += 1
            if steps == stands_at:
                stage.virtual.after(50, end)
                stage.virtual.after(_LEASE_OVER, partial(stage.wake, broadcast))
                stage.virtual.wait(_AWAY)

        stage.on_step = step
        shop = stage.shop(count=5)
        broadcast = stage.broadcast(shop, slice_size=2, chunk_size=4)
        stage.sweeps(7200)
        stage.virtual.run(7200)
        report = stage.report(broadcast)
        assert report.get("sent", 0) == len(stage.carrier.texts), f"stood still at {stands_at}"
        assert not stage.memory.rows("TS#")
        return steps

    steps = play(0)
    assert steps > 15
    for number in range(1, steps + 1):
        play(number)
