"""Races: many threads, one truth."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
from concord.adapters.dynamodb.receipts import DynamoDbReceipts
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.chunks import ChunkKey
from concord.domain.connection import Side
from concord.domain.errors import ConflictError
from concord.domain.events import DeliveryStatus
from concord.domain.evidence import GENESIS, record_hash
from concord.domain.profiles import SignalKind
from concord.domain.receipts import SliceReceipts, Told
from concord.domain.task_rows import Finish, Lease
from concord.domain.tasks import Task
from concord.ports import AlreadySeen, Committed, Stale
from tests.dynamodb.conftest import ROUNDS
from tests.support.builders import (
    CONNECTION,
    MERCHANT,
    NOW,
    at,
    audit,
    commit,
    connection,
    consent_key,
    push,
    text,
)
from tests.support.contracts.tasks import PUSH, leased
from tests.support.judge import RACES, judge

pytestmark = pytest.mark.usefixtures("judged")
type Race = Callable[..., list[Any]]


def test_the_judge_is_judged(table: Table) -> None:
    """Reliability 11: 32 threads x 50 rounds, a put and a 2-item transaction: one winner each."""
    verdicts = judge(table.client, table.name, ROUNDS)
    assert [verdict.race for verdict in verdicts if verdict.is_clean] == list(RACES)


def test_fifty_link_attempts_make_one_link(table: Table, race: Race) -> None:
    """TEA-02: 50 concurrent attempts from both sides, exactly 1 succeeds."""

    def attempt(number: int) -> str:
        # A third shares both accounts, a third only the shop's, a third only the messaging one.
        own = Side("x", str(number), "https://x.example.com")
        sides = ({}, {"destination": own}, {"source": own})[number % 3]
        made = connection(f"shop.c{number}", **sides)
        try:
            DynamoDbConnections(table).create(made, multi_link=False, audit=audit())
        except ConflictError as refused:
            return f"lost to {refused.extra['connection_id']}"
        return made.connection_id

    outcomes = race(attempt, threads=50)
    linked = [c.connection_id for c in DynamoDbConnections(table).of_merchant(MERCHANT)]
    assert sorted(o for o in outcomes if not o.startswith("lost")) == sorted(linked)
    # Sides that share no account may both be linked; with the first kind, none beside it.
    kinds = Counter(int(cid.removeprefix("shop.c")) % 3 for cid in linked)
    assert max(kinds.values()) == 1
    assert kinds[0] == 0 or len(linked) == 1


def test_fifty_attempts_on_the_same_two_accounts(table: Table, race: Race) -> None:
    """TEA-02: the plain case: exactly 1 of 50, and all others are told which."""

    def attempt(number: int) -> str:
        made = connection(f"shop.c{number}")
        try:
            DynamoDbConnections(table).create(made, multi_link=False, audit=audit())
        except ConflictError as refused:
            return str(refused.extra["connection_id"])
        return made.connection_id

    assert len(set(race(attempt, threads=50))) == 1


def test_concurrent_commits_on_one_key_lose_nothing(table: Table, race: Race) -> None:
    """R-01, promise 2: 16 writers, one chain that verifies, every event in it once."""
    store = DynamoDbConsentStore(table, now=lambda: NOW)
    kinds = (SignalKind.OPT_OUT, SignalKind.JOIN, SignalKind.HELP, SignalKind.UNSTOP)

    def write(number: int) -> int:
        for tries in range(1, 200):
            current = store.load(consent_key())
            asked = commit(
                current,
                kind=kinds[number % 4],
                when=at(number),
                event=f"ev{number}",
                tasks=(push((current.version if current else 0) + 1), text(f"t{number}")),
            )
            if store.commit(asked) == Committed():
                return tries
        raise AssertionError("starved")

    tries = race(write, threads=16)
    chain = list(store.evidence(consent_key()))
    assert [e.seq for e in chain] == list(range(1, 17))
    prev = GENESIS
    for evidence in chain:
        assert evidence.record["prev"] == prev
        assert record_hash(evidence.record) == evidence.hash
        prev = evidence.hash
    record = store.load(consent_key())
    assert record is not None
    assert (record.version, record.head) == (16, prev)
    assert record.marks.out_at == at(12)
    assert max(tries) > 1, "no two ever met: this proved nothing"
    row = DynamoDbTasks(table).get(PUSH)
    assert row is not None
    assert row.want == 16


def test_one_event_delivered_by_many_at_once_counts_once(table: Table, race: Race) -> None:
    """Promise 3: 32 deliveries of the same event, each deciding anew when it is stale."""
    store = DynamoDbConsentStore(table, now=lambda: NOW)

    def deliver(_: int) -> str:
        while True:
            asked = commit(store.load(consent_key()), event="ev1", tasks=(text("once"),))
            result = store.commit(asked)
            if not isinstance(result, Stale):
                return type(result).__name__

    outcomes = Counter(race(deliver))
    assert outcomes == {Committed.__name__: 1, AlreadySeen.__name__: 31}
    assert len(list(store.evidence(consent_key()))) == 1


def test_a_lease_has_one_holder(table: Table, race: Race) -> None:
    """R-12: 32 workers take one row, over and over; it is never held twice."""
    tasks = DynamoDbTasks(table)
    for number in range(10):
        tasks.ensure(MERCHANT, push(1), NOW)
        taken = race(lambda _: tasks.lease(PUSH, "same-owner", NOW))
        (winner,) = [task for task in taken if isinstance(task, Task)]
        assert [t for t in taken if not isinstance(t, Task)] == [Lease.BUSY] * 31
        assert winner.attempts == 1, number
        assert tasks.finish_push(winner, 1) is Finish.DONE


def test_the_last_push_shows_the_newest_state(table: Table, race: Race) -> None:
    """TEA-11: workers and changes race; pushes never overlap and the last one is the newest."""
    store, tasks = DynamoDbConsentStore(table, now=lambda: NOW), DynamoDbTasks(table)
    store.commit(commit(tasks=(push(1),)))
    shown: list[int] = []
    holding = threading.Lock()
    changes = 20

    def change() -> None:
        for number in range(changes):
            current = store.load(consent_key())
            assert current is not None
            spec = push(current.version + 1)
            asked = commit(current, event=f"e{number}", when=at(number), tasks=(spec,))
            assert store.commit(asked) == Committed()

    def work(number: int) -> None:
        if number == 0:
            change()
            return
        idle = 0
        while idle < 25:
            task = tasks.lease(PUSH, f"w{number}", NOW)
            if not isinstance(task, Task):
                idle += 1
                time.sleep(0.01)
                continue
            idle = 0
            while True:
                record = store.load(consent_key())
                assert record is not None
                assert holding.acquire(blocking=False), "two pushes at once"
                shown.append(record.version)
                holding.release()
                finish = tasks.finish_push(task, record.version)
                assert finish is not Finish.LOST
                if finish is Finish.DONE:
                    break

    race(work, threads=6)
    assert shown[-1] == changes + 1
    assert tasks.get(PUSH) is None


def test_two_workers_never_both_think_they_finished(table: Table, race: Race) -> None:
    """R-12: a late worker and its successor finish at once: one DONE, the other LOST."""
    tasks = DynamoDbTasks(table)
    for _ in range(10):
        tasks.ensure(MERCHANT, push(1), NOW)
        holders = [leased(tasks), leased(tasks, now=at(61))]
        finishes = race(lambda n, h=holders: tasks.finish_push(h[n], 1), threads=2)
        assert finishes == [Finish.LOST, Finish.DONE]


def test_updates_of_one_connection_are_not_lost(table: Table, race: Race) -> None:
    """TEA-01: every change that answers yes is in the trail, and versions leave no gap."""
    DynamoDbConnections(table).create(connection(), multi_link=False, audit=audit())

    def rename(number: int) -> int:
        connections = DynamoDbConnections(table)
        while True:
            current = connections.get(CONNECTION, fresh=True)
            assert current is not None
            wanted = replace(current, merchant_name=f"n{number}", version=current.version + 1)
            if connections.update(wanted, audit("patch", n=number)):
                return wanted.version

    assert sorted(race(rename, threads=8)) == list(range(2, 10))


def test_receipts_of_one_slice_are_all_kept(table: Table, race: Race) -> None:
    """R-15: workers that merge into one row at once, each what it was told: nothing is lost."""
    key = ChunkKey(MERCHANT, CONNECTION, "20261122t090000-0a1b2c3d", "000001")
    receipts = DynamoDbReceipts(table)

    def merge(number: int) -> int:
        told = [(number % 8, Told(list(DeliveryStatus)[number % 4]))]
        for attempt in range(200):
            known = receipts.get(key, 0) or SliceReceipts(key, 0)
            merged = known.merge(told)
            if merged == known or receipts.put(merged):
                return attempt
        raise AssertionError("never written")

    race(merge)
    found = receipts.get(key, 0)
    assert found is not None
    # Place n was told of by the threads n, n + 8, ...: all of one status, n modulo 4.
    statuses = {place: told.status for place, told in found.told.items()}
    assert statuses == {place: list(DeliveryStatus)[place % 4] for place in range(8)}
