"""The contract of Broadcasts: headers on their version, chunks on the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from concord.adapters.dynamodb import broadcast_keys
from concord.adapters.dynamodb.audit import DynamoDbAudit
from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
from concord.adapters.dynamodb.chunk_items import chunk_from
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.task_items import task_key
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, Frozen, plan_task
from concord.domain.chunks import Chunk, ChunkKey, chunk_task
from tests.support.builders import CONNECTION, MERCHANT, NOW, at
from tests.support.contracts.consent import refaulted

ID = "20261121t083000-0a1b2c3d"
FROZEN = Frozen(
    snapshot_id="s-1",
    taken_at=NOW,
    body="Sale! Reply STOP to opt out",
    segments=1,
    rate=2.5,
    slice_size=150,
    bulk=True,
)


def broadcast(**more: Any) -> Broadcast:
    fields: dict[str, Any] = {
        "broadcast_id": ID,
        "merchant_id": MERCHANT,
        "connection_id": CONNECTION,
        "name": "Sale",
        "group_ids": ("g1", "g2"),
        "text": "Sale! Ž",
        "state": BroadcastState.DRAFT,
        "created_at": NOW,
    }
    return Broadcast(**fields | more)


def planning(**more: Any) -> Broadcast:
    return broadcast(state=BroadcastState.PLANNING, frozen=FROZEN, **more)


def chunk(number: int = 1, points: int = 3) -> Chunk:
    ids = tuple(f"v1.{number:02x}{n:062x}" for n in range(points))
    return Chunk(ChunkKey(MERCHANT, CONNECTION, ID, f"{number:06d}"), ids, {1: "US-FL"})


def audit(action: str = "broadcast_created") -> AuditEntry:
    return AuditEntry(MERCHANT, CONNECTION, NOW, "dana", action, {})


class BroadcastsContract:
    """What every Broadcasts does."""

    def test_what_was_created_is_read_back(self, table: Table) -> None:
        """TEA-05: with everything that it can hold."""
        store = DynamoDbBroadcasts(table)
        full = planning(
            rate=1.5,
            send_at=at(60),
            audience=7,
            planned=True,
            started_at=at(1),
            finished_at=at(2),
            held="sender_down",
            report={"sent": 6, "skipped:capped": 1},
        )
        assert store.create(full, audit()) == full
        assert store.get(CONNECTION, ID) == full
        (entry,) = DynamoDbAudit(table).of(MERCHANT, CONNECTION)
        assert entry.action == "broadcast_created"

    @pytest.mark.parametrize("odd", ["20261121t083000-ffffffff", "x#y", ""])
    def test_an_id_that_is_none_reads_nothing(self, table: Table, odd: str) -> None:
        """R-32: nor does a connection's that is none."""
        store = DynamoDbBroadcasts(table)
        store.create(broadcast(), audit())
        assert store.get(CONNECTION, odd) is None
        assert store.get("nobody", ID) is None
        assert store.get("other.abc123", ID) is None

    def test_the_newest_comes_first(self, table: Table) -> None:
        store = DynamoDbBroadcasts(table)
        ids = [f"2026112{day}t083000-0a1b2c3d" for day in (3, 1, 2)]
        for each in ids:
            store.create(broadcast(broadcast_id=each), audit())
        assert [b.broadcast_id for b in store.of(CONNECTION)] == sorted(ids, reverse=True)
        assert list(store.of("shop.other")) == []

    def test_one_keyed_request_makes_one_broadcast(self, table: Table) -> None:
        """TEA-05: the second of two at once, too, is given the one that is there."""
        store = DynamoDbBroadcasts(table)
        first = broadcast(made_by="hash")
        again = broadcast(made_by="hash", broadcast_id="20261121t083001-0a1b2c3e")
        assert store.create(first, audit()) == first
        assert store.create(again, audit()) == first
        assert list(store.of(CONNECTION)) == [first]

    def test_a_lost_answer_makes_no_second(self, table: Table) -> None:
        """Reliability 13: lost after the commit, and again without the client token's memory."""
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbBroadcasts(faulty).create(broadcast(), audit()) == broadcast()
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        later = planning(version=2)
        assert DynamoDbBroadcasts(faulty).update(later, NOW, wakes=True, audit=audit())
        assert DynamoDbBroadcasts(table).get(CONNECTION, ID) == later

    def test_a_change_is_made_on_the_version_that_was_read(self, table: Table) -> None:
        """R-09: of two who change it at once, one is told to look again."""
        store = DynamoDbBroadcasts(table)
        store.create(broadcast(), audit())
        paused = broadcast(state=BroadcastState.PAUSED, version=2)
        assert store.update(paused, NOW)
        assert not store.update(broadcast(state=BroadcastState.CANCELLED, version=2), NOW)
        assert not store.update(broadcast(version=4), NOW)
        assert store.get(CONNECTION, ID) == paused

    def test_a_planner_is_woken_in_the_same_write(self, table: Table) -> None:
        """Promise 1: there is a task for it, or no change."""
        store, tasks = DynamoDbBroadcasts(table), DynamoDbTasks(table)
        store.create(broadcast(), audit())
        started = planning(version=2)
        assert not store.update(replace(started, version=7), NOW, wakes=True)
        assert list(tasks.due(at(1))) == []
        assert store.update(started, NOW, wakes=True)
        (row,) = tasks.due(at(1))
        assert row.key == task_key(MERCHANT, plan_task(started))
        assert row.key.pk.startswith("TP#")
        task = tasks.get(row.key)
        assert task is not None
        assert task.payload == {"broadcast_id": ID, "version": 2}

    # --- the plan ----------------------------------------------------------------------------

    def test_a_chunk_comes_with_its_tally_its_task_and_its_count(self, table: Table) -> None:
        """TEA-10, R-09: all of them, in one write."""
        store, tasks = DynamoDbBroadcasts(table), DynamoDbTasks(table)
        store.create(planning(), audit())
        assert store.add_chunk(planning(), chunk(1), NOW) == chunk(1)
        assert store.add_chunk(planning(), chunk(2), NOW) == chunk(2)
        stored = store.get(CONNECTION, ID)
        assert stored == planning(open_chunks=2)
        keys = {row.key for row in tasks.due(at(1))}
        assert keys == {task_key(MERCHANT, chunk_task(chunk(n).key)) for n in (1, 2)}
        last = store.last_planned(planning())
        assert last is not None
        assert (last.key, last.size, last.first, last.last) == (
            chunk(2).key,
            3,
            chunk(2).points[0],
            chunk(2).points[-1],
        )

    def test_a_change_leaves_the_open_chunks_alone(self, table: Table) -> None:
        """R-09: whoever changes a header does not know how many are open by now."""
        store = DynamoDbBroadcasts(table)
        store.create(planning(), audit())
        store.add_chunk(planning(), chunk(), NOW)
        assert store.update(planning(version=2, open_chunks=0), NOW)
        stored = store.get(CONNECTION, ID)
        assert stored is not None
        assert stored.open_chunks == 1

    def test_the_chunk_that_stands_is_returned(self, table: Table) -> None:
        """TEA-10: immutable: a planner that comes later takes it as it is."""
        store = DynamoDbBroadcasts(table)
        store.create(planning(), audit())
        store.add_chunk(planning(), chunk(points=3), NOW)
        assert store.add_chunk(planning(), chunk(points=5), NOW) == chunk(points=3)
        item = table.get(broadcast_keys.chunk(chunk().key))
        assert item is not None
        assert chunk_from(chunk().key, item) == chunk(points=3)
        stored = store.get(CONNECTION, ID)
        assert stored is not None
        assert stored.open_chunks == 1

    def test_a_lost_answer_adds_no_second_chunk(self, table: Table) -> None:
        """Reliability 13: counted open once."""
        DynamoDbBroadcasts(table).create(planning(), audit())
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbBroadcasts(faulty).add_chunk(planning(), chunk(), NOW) == chunk()
        stored = DynamoDbBroadcasts(table).get(CONNECTION, ID)
        assert stored is not None
        assert stored.open_chunks == 1

    @pytest.mark.parametrize(
        "now",
        [
            planning(version=2),
            broadcast(state=BroadcastState.PAUSED, version=2),
            broadcast(state=BroadcastState.CANCELLED, version=2),
        ],
        ids=["another planner's", "paused", "cancelled"],
    )
    def test_nothing_is_added_once_it_is_not_ours_to_plan(
        self, table: Table, now: Broadcast
    ) -> None:
        """R-09: pausing stops the plan at once, and a resumed one belongs to a new planner."""
        store = DynamoDbBroadcasts(table)
        store.create(planning(), audit())
        assert store.update(now, NOW)
        assert store.add_chunk(planning(), chunk(), NOW) is None
        assert store.last_planned(planning()) is None
        assert table.get(broadcast_keys.chunk(chunk().key)) is None
