"""Broadcasts that have to stop or end, whatever is in doubt: held, disconnected, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from concord.domain.broadcast import BroadcastState
from concord.domain.connection import ConnectionState
from concord.domain.errors import CredentialsRejectedError
from concord.domain.outbound import HandedOver, OutboundText
from concord.domain.tasks import RowKey, Task, TaskState
from tests.sending.carriers import Call
from tests.sending.stage import Stage, moment

_KNOWN = timedelta(seconds=5.1)  # what is known of a connection, and a request


def _at_call(number: int, fate: str) -> Callable[[Call], str | None]:
    """Return a fault of one call, counted from 1."""
    calls: list[Call] = []

    def fault(call: Call) -> str | None:
        calls.append(call)
        return fate if len(calls) == number else None

    return fault


def test_a_disconnected_connection_texts_nobody_while_a_slice_is_in_doubt() -> None:
    """TEA-01: what is in doubt is looked up, and nothing is claimed any more."""
    stage = Stage()
    shop = stage.shop(count=45)
    broadcast = stage.broadcast(shop)
    stage.carrier.fault = _at_call(15, "lost")
    stage.virtual.run(10)
    stage.connection(shop, ConnectionState.DISCONNECTED)
    stage.virtual.run(4000)
    assert len(stage.carrier.calls) == 15
    report = stage.report(broadcast)
    assert report == {"sent": 15, "skipped:connection_disconnected": 30}


@pytest.mark.parametrize("rate", [10.0, 0.4])
@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.DISCONNECTED])
def test_a_held_connection_stops_a_pass_under_way(rate: float, state: ConnectionState) -> None:
    """TEA-01: within five seconds, also in the middle of a slow sender's slice."""
    stage = Stage()
    shop = stage.shop(count=200)
    broadcast = stage.broadcast(shop, rate=rate)
    stage.virtual.at(2, partial(stage.connection, shop, state))
    stage.virtual.run(200)
    calls = stage.carrier.calls
    assert calls
    assert max(call.at for call in calls) <= moment(2) + _KNOWN
    assert stage.header(broadcast).over is (state is ConnectionState.DISCONNECTED)
    if state is ConnectionState.PAUSED:
        stage.connection(shop, ConnectionState.CONNECTED)
        stage.sweeps(4000)
        stage.virtual.run(4000)
        assert stage.report(broadcast) == {"sent": 200}
    assert max(stage.carrier.texts.values()) == 1


def test_a_cancelled_broadcast_stops_within_a_slow_senders_slice() -> None:
    """R-09: who was claimed and has not had her turn is skipped."""
    stage = Stage()
    shop = stage.shop(count=10)
    broadcast = stage.broadcast(shop, rate=0.4)
    stage.virtual.at(6, partial(stage.change, broadcast, state=BroadcastState.CANCELLED))
    stage.virtual.run(400)
    calls = stage.carrier.calls
    assert max(call.at for call in calls) <= moment(6)
    sent = len(calls)
    assert stage.report(broadcast) == {"sent": sent, "skipped:cancelled": 10 - sent}


def test_a_chunk_held_by_a_connection_that_is_disconnected_meanwhile_ends() -> None:
    """TEA-01, R-09: the worker remembers that it was paused, and reads that it is no more."""
    stage = Stage()
    shop = stage.shop(count=40)
    stage.connection(shop, ConnectionState.PAUSED)
    broadcast = stage.broadcast(shop, chunk_size=20)
    stage.virtual.run(3)
    stage.connection(shop, ConnectionState.DISCONNECTED)
    stage.wake(broadcast)
    stage.sweeps(4000)
    stage.virtual.run(4000)
    assert stage.report(broadcast) == {"skipped:connection_disconnected": 40}


@pytest.mark.parametrize("rows", ["TS#", "TP#"])
def test_rows_of_a_broadcast_outlive_its_connection(rows: str) -> None:
    """TEA-01, R-09: dropped, they would leave it unfinished for ever; their workers close it."""
    stage = Stage()
    shop = stage.shop(count=4)
    stage.plan_again(stage.broadcast(shop))
    row = stage.memory.rows(rows)[0]
    tasks = stage.parts.tasks
    task = tasks.lease(RowKey(row["pk"], row["sk"]), "w:1", stage.virtual.now())
    assert isinstance(task, Task)
    stage.connection(shop, ConnectionState.DISCONNECTED)
    paused = replace(shop.connection, state=ConnectionState.PAUSED)
    assert stage.parts.defer.held(task, paused)
    later = tasks.lease(task.key, "w:2", moment(3600))
    assert isinstance(later, Task)
    assert later.state is TaskState.OPEN


def test_a_cancelled_broadcast_ends_although_its_sender_cannot_be_asked_any_more() -> None:
    """R-09, R-10: the sender was changed to one that takes texts one by one; nobody knows whom the
    other one texted, but for a receipt."""
    stage = Stage(bulk=True)
    shop = stage.shop(count=20)
    stage.carrier.fault = lambda call: "lost"
    broadcast = stage.broadcast(shop)
    stage.virtual.run(5)
    stage.changes_sender(bulk=False)
    stage.change(broadcast, state=BroadcastState.CANCELLED)
    stage.wake(broadcast)
    stage.sweeps(4000)
    stage.virtual.run(4000)
    assert stage.report(broadcast) == {"uncertain": 10, "skipped:cancelled": 10}
    assert not stage.memory.rows("TS#")


def test_a_disconnected_broadcast_ends_although_its_key_was_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TEA-01, R-10: nobody will renew it, so what is in doubt is uncertain."""

    def revoked(text: OutboundText) -> HandedOver | None:
        raise CredentialsRejectedError("revoked")

    stage = Stage()
    shop = stage.shop(count=15)
    broadcast = stage.broadcast(shop)
    stage.carrier.fault = _at_call(15, "lost")
    stage.virtual.run(10)
    stage.connection(shop, ConnectionState.DISCONNECTED)
    monkeypatch.setattr(stage.carrier, "find", revoked)
    stage.sweeps(4000)
    stage.virtual.run(4000)
    assert stage.report(broadcast) == {"sent": 14, "uncertain": 1}


def test_a_cancelled_broadcast_does_not_wait_for_its_deferred_recipients_morning() -> None:
    """R-09, R-01: who waits for a legal hour is skipped when it is cancelled."""
    stage = Stage()
    shop = stage.shop(count=5)
    night = 10.5 * 3600  # 21:30 in New York
    stage.virtual.wait(night)
    broadcast = stage.broadcast(shop)
    stage.virtual.run(night + 60)
    assert not stage.header(broadcast).over
    stage.change(broadcast, state=BroadcastState.CANCELLED)
    stage.wake(broadcast)
    stage.virtual.run(night + 120)
    assert stage.report(broadcast) == {"skipped:cancelled": 5}
    assert not stage.carrier.calls
