"""The last look before a text: what changed since its slice was claimed counts (reliability 31)."""

from __future__ import annotations

from functools import partial

import pytest

from concord.domain.broadcast import BroadcastState
from tests.sending.stage import Stage, moment

_SLOW = 0.4  # texts a second: a slice of ten takes 25 s


def test_a_stop_that_comes_while_a_bulk_slice_is_claimed_counts() -> None:
    """TEA-09, reliability 31: the write of the claim takes a second and a half; she is not in the
    call that follows it."""
    stage = Stage(bulk=True)
    shop = stage.shop(count=5)
    number = next(iter(shop.numbers.values()))

    def slow_claim(name: str, before: bool) -> None:
        if name == "dynamodb.put_item" and not before and not stage.carrier.calls:
            stage.stop(shop, number)
            stage.virtual.wait(1.5)

    stage.on_step = slow_claim
    broadcast = stage.broadcast(shop)
    stage.virtual.run(60)
    assert [len(call.numbers) for call in stage.carrier.calls] == [4]
    assert number not in stage.carrier.texts
    assert stage.report(broadcast) == {"sent": 4, "skipped:opted_out_after_queue": 1}


def test_a_stop_within_a_slow_senders_slice_counts() -> None:
    """TEA-09, reliability 31: she was claimed with the others, and her turn had not come."""
    stage = Stage()
    shop = stage.shop(count=10)
    last = shop.numbers[shop.points[-1]]
    broadcast = stage.broadcast(shop, rate=_SLOW)
    stage.virtual.at(6, partial(stage.stop, shop, last))
    stage.virtual.run(60)
    assert len(stage.carrier.calls) == 9
    assert stage.report(broadcast) == {"sent": 9, "skipped:opted_out_after_queue": 1}


def test_a_stop_that_waits_in_the_safety_queue_holds_a_slow_senders_slice() -> None:
    """Design, walk 3: whose STOP it is nobody knows yet, so nobody of the slice is texted."""
    stage = Stage()
    shop = stage.shop(count=10)
    last = shop.numbers[shop.points[-1]]
    broadcast = stage.broadcast(shop, rate=_SLOW)
    stage.virtual.at(6, partial(setattr, stage.safety, "holding", True))
    stage.virtual.run(40)
    assert max(call.at for call in stage.carrier.calls) <= moment(6)
    stage.stop(shop, last)  # stored at last
    stage.safety.holding = False
    stage.virtual.run(600)
    assert stage.report(broadcast) == {"sent": 9, "skipped:opted_out_after_queue": 1}


def test_who_is_put_off_within_a_slice_takes_none_of_the_senders_time() -> None:
    """R-08: paused within a slow slice, its worker ends, and does not wait for nine slots."""
    stage = Stage()
    shop = stage.shop(count=10)
    broadcast = stage.broadcast(shop, rate=_SLOW)
    stage.virtual.at(3, partial(stage.change, broadcast, state=BroadcastState.PAUSED))
    stage.virtual.run(9)
    (row,) = stage.memory.rows("TS#")
    assert row["pk"].endswith("-a1")  # a chunk of those who were put off is all that is left


@pytest.mark.parametrize("bulk", [False, True])
def test_who_is_resumed_while_her_chunk_is_put_off_does_not_wait(bulk: bool) -> None:
    """R-09: the planner calls it while a worker that has read of the pause holds its row."""
    stage = Stage(bulk=bulk)
    shop = stage.shop(count=60)
    broadcast = stage.broadcast(shop)
    read: list[str] = []

    def resumes(name: str, before: bool) -> None:
        if stage.header(broadcast).state is not BroadcastState.PAUSED:
            return
        if name == "dynamodb.batch_get_item" and not before:
            read.append(name)
        elif name == "dynamodb.update_item" and read:
            stage.change(broadcast, state=BroadcastState.SENDING)
            stage.wake(broadcast)
            stage.virtual.wait(0.5)

    stage.on_step = resumes
    stage.virtual.at(3, partial(stage.change, broadcast, state=BroadcastState.PAUSED))
    stage.virtual.run(60)
    assert read
    assert stage.report(broadcast) == {"sent": 60}
