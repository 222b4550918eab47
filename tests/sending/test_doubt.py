"""Slices in doubt: nobody is texted twice because a look-up came too early, or knew too little."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sized
from datetime import datetime
from functools import partial

import pytest

from concord.domain.broadcast import Broadcast
from concord.domain.chunks import ChunkKey
from concord.domain.errors import OutcomeUnknownError, ThrottledError
from concord.domain.events import DeliveryStatus
from concord.domain.outbound import HandedOver, OutboundText
from concord.domain.receipts import SliceReceipts, Told
from concord.services.chunk_run import CALLS
from tests.sending.carriers import Call
from tests.sending.stage import Stage
from tests.sending.stand_ins import Killed

_TIME_OUT = 10.0
_LATE = 4.0


def _slow_to_take(stage: Stage, number: int) -> None:
    """Let the answer of one call be lost, and the platform take its texts four seconds later."""
    calls: list[Call] = []

    def fault(call: Call) -> str | None:
        calls.append(call)
        if len(calls) != number:
            return None
        stage.virtual.wait(_TIME_OUT)
        taken = partial(stage.carrier.taken.__setitem__, call.reference, call.numbers)
        stage.virtual.after(_LATE, taken)
        raise OutcomeUnknownError("timed out")

    stage.carrier.fault = fault


def _dies_in_its_last_call(stage: Stage, asked: Sized) -> None:
    """Let the worker die in the tenth call, so that nobody noted what became of the slice; not
    again once look-ups were `asked`."""

    def began(call: Call) -> None:
        if len(stage.carrier.calls) == 10 and not asked:
            raise Killed("call")

    stage.carrier.began = began


def _put_receipt(stage: Stage, broadcast: Broadcast, place: int) -> Callable[[], None]:
    """Return what a receipt of the first slice leaves behind."""
    key = ChunkKey(broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id, "000001")
    told = {place: Told(DeliveryStatus.DELIVERED)}
    return lambda: _stored(stage.parts.receipts.put(SliceReceipts(key, 0, told)))


def _stored(done: bool) -> None:
    assert done


def test_a_slow_senders_last_text_is_looked_up_half_a_minute_after_its_call() -> None:
    """R-10: not after the claim; messages that come earlier change nothing."""
    stage = Stage()
    shop = stage.shop(count=10)
    _slow_to_take(stage, 10)
    broadcast = stage.broadcast(shop, rate=0.4)
    for second in range(33, 60):
        stage.virtual.at(second, partial(stage.wake, broadcast))
    stage.virtual.run(900)
    assert set(stage.carrier.texts.values()) == {1}
    assert stage.report(broadcast) == {"sent": 10}


def test_a_dead_workers_slice_waits_for_the_last_call_it_can_have_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R-10: nobody lived to say when it asked, so the pass's last moment counts."""
    stage = Stage()
    shop = stage.shop(count=10)
    seen: list[float] = []
    find = stage.carrier.find

    def watched(text: OutboundText) -> HandedOver | None:
        seen.append(stage.virtual.monotonic())
        return find(text)

    def began(call: Call) -> None:
        if len(stage.carrier.calls) == 3:
            raise Killed("call")

    monkeypatch.setattr(stage.carrier, "find", watched)
    stage.carrier.began = began
    broadcast = stage.broadcast(shop, rate=1.0)
    for second in range(60, 120):
        stage.virtual.at(second, partial(stage.wake, broadcast))
    stage.sweeps(4000)
    stage.virtual.run(4000)
    assert 87.0 <= min(seen) < 120.0
    assert stage.report(broadcast) == {"sent": 10}
    assert set(stage.carrier.texts.values()) == {1}


@pytest.mark.parametrize("bulk", [False, True])
def test_a_receipt_proves_a_text_that_no_look_up_finds(bulk: bool) -> None:
    """R-10: whoever has one was texted; of a call that was taken nobody is tried again."""
    stage = Stage(bulk=bulk)
    shop = stage.shop(count=3)
    find = "find_bulk" if bulk else "find"
    setattr(stage.carrier, find, lambda text: None)
    stage.carrier.fault = lambda call: "lost" if len(stage.carrier.calls) == 1 else None
    broadcast = stage.broadcast(shop)
    stage.virtual.at(5, _put_receipt(stage, broadcast, 0))
    stage.virtual.run(900)
    assert set(stage.carrier.texts.values()) == {1}
    assert stage.report(broadcast) == ({"sent": 1, "uncertain": 2} if bulk else {"sent": 3})


def test_slow_look_ups_of_a_slice_are_shared_out_among_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R-10: ten of them take longer than a function lives; what one pass found out is kept, or
    each pass would die at the same place."""
    stage = Stage()
    shop = stage.shop(count=10)
    stage.carrier.latency = lambda: 8.0 if len(stage.carrier.calls) >= 10 else 0.05
    asked: dict[threading.Thread, list[datetime]] = defaultdict(list)
    find = stage.carrier.find

    def watched(text: OutboundText) -> HandedOver | None:
        asked[threading.current_thread()].append(stage.virtual.now())
        return find(text)

    monkeypatch.setattr(stage.carrier, "find", watched)
    _dies_in_its_last_call(stage, asked)
    broadcast = stage.broadcast(shop)
    stage.sweeps(7200)
    stage.virtual.run(7200)
    assert sum(map(len, asked.values())) == 10, "somebody was looked up twice"
    assert all(max(times) - min(times) <= CALLS for times in asked.values())
    assert stage.report(broadcast) == {"sent": 10}
    assert set(stage.carrier.texts.values()) == {1}


def test_a_look_up_that_is_throttled_forgets_none_of_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R-10: a platform that lets us ask three times in a row: each pass goes on after the last."""
    stage = Stage()
    shop = stage.shop(count=10)
    asked: list[str] = []
    find = stage.carrier.find

    def busy(text: OutboundText) -> HandedOver | None:
        asked.append(text.reference)
        if len(asked) % 4 == 0:
            raise ThrottledError("busy", retry_after=5.0)
        return find(text)

    monkeypatch.setattr(stage.carrier, "find", busy)
    _dies_in_its_last_call(stage, asked)
    broadcast = stage.broadcast(shop)
    stage.sweeps(7200)
    stage.virtual.run(7200)
    assert len(asked) < 20
    assert stage.report(broadcast) == {"sent": 10}
    assert set(stage.carrier.texts.values()) == {1}
