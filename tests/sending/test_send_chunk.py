"""The worker of chunks, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concord.domain.audit import AuditEntry
from concord.domain.broadcast import BroadcastState
from concord.domain.connection import ConnectionState
from concord.domain.errors import CredentialsRejectedError, PermanentError
from tests.sending.carriers import Call
from tests.sending.stage import Stage
from tests.support.virtual import START


@pytest.mark.parametrize("bulk", [False, True])
def test_everybody_is_texted_once(bulk: bool) -> None:
    """R-09, R-10: and the report adds up."""
    stage = Stage(bulk=bulk)
    shop = stage.shop(count=45)
    broadcast = stage.broadcast(shop, chunk_size=20, slice_size=10)
    stage.virtual.run(600)
    assert stage.report(broadcast) == {"sent": 45}
    assert set(stage.carrier.texts.values()) == {1}
    assert set(stage.carrier.texts) == set(shop.numbers.values())
    assert stage.header(broadcast).state is BroadcastState.FINISHED
    assert not stage.memory.rows("TS#")


@pytest.mark.parametrize("bulk", [False, True])
def test_nothing_is_handed_over_while_the_safety_queue_holds_something(bulk: bool) -> None:
    """Design, walk 3: what waits there may be a STOP."""
    stage = Stage(bulk=bulk)
    shop = stage.shop(count=100)
    broadcast = stage.broadcast(shop, rate=5.0, chunk_size=50)
    stage.virtual.run(6)
    stage.safety.holding = True
    stage.virtual.run(10)
    before = len(stage.carrier.calls)
    assert before
    stage.virtual.run(120)
    assert len(stage.carrier.calls) == before
    stage.safety.holding = False
    stage.virtual.run(300)
    assert stage.report(broadcast) == {"sent": 100}


def test_a_cancelled_broadcast_ends_with_everybody_counted() -> None:
    """R-09: the rest is skipped."""
    stage = Stage()
    shop = stage.shop(count=100)
    broadcast = stage.broadcast(shop, rate=5.0, chunk_size=50)
    stage.virtual.at(6, lambda: stage.change(broadcast, state=BroadcastState.CANCELLED))
    stage.virtual.at(7, lambda: stage.wake(broadcast))
    stage.virtual.run(60)
    report = stage.report(broadcast)
    assert report["sent"] == len(stage.carrier.texts) < 60
    assert report["skipped:cancelled"] == 100 - report["sent"]


def test_a_whole_call_that_is_refused_holds_the_broadcast() -> None:
    """R-09: paused by us, with the reason; resumed, it goes on, and nobody was lost."""
    stage = Stage(bulk=True)
    shop = stage.shop(count=40)
    wrong = PermanentError("their words", reason="text_refused")

    def fault(call: Call) -> None:
        if stage.virtual.monotonic() < 30:
            raise wrong

    stage.carrier.fault = fault
    broadcast = stage.broadcast(shop, chunk_size=20)
    stage.virtual.run(20)
    held = stage.header(broadcast)
    assert (held.state, held.held) == (BroadcastState.PAUSED, "text_refused")
    assert stage.telemetry.counts["BroadcastHeld"] == 1
    assert not stage.carrier.texts
    stage.virtual.run(40)
    stage.change(broadcast, state=BroadcastState.SENDING, held="")
    stage.wake(broadcast)
    stage.virtual.run(600)
    assert stage.report(broadcast) == {"sent": 40}


def test_ten_refusals_alike_hold_the_broadcast_but_not_of_bad_numbers() -> None:
    """R-09, R-07: what is about the number skips the number."""
    stage = Stage()
    shop = stage.shop(count=40)
    stage.carrier.invalid = set(shop.numbers.values())
    broadcast = stage.broadcast(shop)
    stage.virtual.run(60)
    assert stage.report(broadcast) == {"skipped:refused_invalid_number": 40}

    def fault(call: Call) -> None:
        raise PermanentError("their words", reason="blocked_text")

    stage = Stage()
    shop = stage.shop(count=40)
    stage.carrier.fault = fault
    broadcast = stage.broadcast(shop)
    stage.virtual.run(60)
    assert stage.header(broadcast).held == "blocked_text"
    assert len(stage.carrier.calls) == 10


def test_rejected_credentials_pause_the_connection_and_lose_nobody() -> None:
    """R-09: the operator mends them, and it goes on."""
    stage = Stage()
    shop = stage.shop(count=20)

    def fault(call: Call) -> None:
        if stage.virtual.monotonic() < 30:
            raise CredentialsRejectedError("401")

    stage.carrier.fault = fault
    broadcast = stage.broadcast(shop)
    stage.virtual.run(20)
    assert len(stage.carrier.calls) == 1
    connections = stage.parts.connections
    paused = connections.get(shop.connection.connection_id, fresh=True)
    assert paused is not None
    assert paused.state is ConnectionState.PAUSED
    again = replace(paused, state=ConnectionState.CONNECTED, version=paused.version + 1)
    audit = AuditEntry(paused.merchant_id, paused.connection_id, START, "op", "state", {})
    stage.virtual.run(40)
    assert connections.update(again, audit)
    stage.sweeps(3600)
    stage.virtual.run(3600)
    assert stage.report(broadcast) == {"sent": 20}
