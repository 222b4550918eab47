"""Groups of textable numbers and broadcasts to them, in a world: who is to be texted, and how far
a plan is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from concord.adapters.dynamodb import group_keys
from concord.adapters.dynamodb.chunk_items import chunk_from, tally_from
from concord.adapters.dynamodb.group_items import number_item
from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, new_broadcast_id
from concord.domain.chunks import Chunk, ChunkKey, Tally
from concord.domain.regroup import NumberRow
from tests.world.shop import Shop


def point_id(name: object) -> str:
    """Return a point id, evenly spread like real ones."""
    return f"v1.{hashlib.sha256(str(name).encode()).hexdigest()}"


class Campaign:
    """A shop's groups and broadcasts, put straight into the table."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.house = shop.world
        self._made = 0

    # --- groups ------------------------------------------------------------------------------

    def joins(
        self, group: str, points: Iterable[str], region: str = "", since: datetime | None = None
    ) -> None:
        """Make numbers textable in a group, an hour ago unless it is said."""
        since = since or self.house.clock.now() - timedelta(hours=1)
        regions = {region: 1} if region else {}
        row = NumberRow(1, int(since.timestamp() * 1000), regions)
        for point in points:
            self.house.parts.table.put(self._row(group, point), number_item(row))

    def leaves(self, group: str, points: Iterable[str]) -> None:
        """Take numbers out of a group."""
        for point in points:
            self.house.parts.table.delete(self._row(group, point))

    def _row(self, group: str, point: str) -> Any:
        return group_keys.number(self.shop.merchant_id, self.shop.connection_id, group, point)

    # --- broadcasts --------------------------------------------------------------------------

    def draft(self, *groups: str, **more: Any) -> Broadcast:
        """Draft a broadcast."""
        now = self.house.clock.now()
        self._made += 1
        drafted = Broadcast(
            broadcast_id=new_broadcast_id(now, f"{self._made:08x}"),
            merchant_id=self.shop.merchant_id,
            connection_id=self.shop.connection_id,
            name="Sale",
            group_ids=groups,
            text="Sale today!",
            state=BroadcastState.DRAFT,
            created_at=now,
            **more,
        )
        self.house.parts.broadcasts.create(drafted, self._audit("broadcast_created"))
        return drafted

    def start(self, *groups: str, **more: Any) -> Broadcast:
        """Draft a broadcast and send it: a planner is called."""
        return self.move(self.draft(*groups, **more), BroadcastState.PLANNING, wakes=True)

    def move(
        self, broadcast: Broadcast, state: BroadcastState, *, wakes: bool = False, **more: Any
    ) -> Broadcast:
        """Move a broadcast on, whatever it is now."""
        now = self.now(broadcast)
        moved = replace(now, state=state, version=now.version + 1, **more)
        at = self.house.clock.now()
        assert self.house.parts.broadcasts.update(
            moved, at, wakes=wakes, audit=self._audit(f"broadcast_{state}")
        )
        return moved

    def now(self, broadcast: Broadcast) -> Broadcast:
        """Return a broadcast as it is now."""
        found = self.house.parts.broadcasts.get(broadcast.connection_id, broadcast.broadcast_id)
        assert found is not None
        return found

    def _audit(self, action: str) -> AuditEntry:
        names = (self.shop.merchant_id, self.shop.connection_id)
        return AuditEntry(*names, self.house.clock.now(), "dana", action, {})

    # --- what became of it -------------------------------------------------------------------

    def calls(self) -> list[dict[str, str]]:
        """Return the open rows that call a planner."""
        rows = self.house.rows("TP#")
        return [{"pk": row["pk"], "sk": row["sk"]} for row in rows if "due_pk" in row]

    def plans(self, rounds: int = 12) -> None:
        """Run planners until none is called for now."""
        for _ in range(rounds):
            self.house.relay()
            self.queued("plan")
            if not (calls := self.calls()):
                return
            for row in calls:
                self.house.run_task(row)
        raise AssertionError("planners are called for ever")

    def queued(self, queue: str) -> list[dict[str, str]]:
        """Take what is in a queue now, and return it."""
        found = []
        for message in self.house.ground.take(queue):
            found.append(json.loads(message["Body"]))
            self.house.ground.gone(queue, message)
        return found

    def chunks(self, broadcast: Broadcast) -> list[Chunk]:
        """Return the chunks of a broadcast, by name."""
        names = (broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id)
        prefix = f"BC#{'#'.join(names)}#"
        rows = [row for row in self.house.rows(prefix) if row["sk"] == "CHUNK"]
        named = sorted(((row["pk"].removeprefix(prefix), row) for row in rows), key=itemgetter(0))
        return [chunk_from(self._key(broadcast, name), row) for name, row in named]

    def tallies(self, broadcast: Broadcast) -> list[Tally]:
        """Return the tallies of a broadcast, by chunk."""
        prefix = f"BT#{broadcast.merchant_id}#{broadcast.connection_id}#{broadcast.broadcast_id}"
        rows = sorted(self.house.rows(prefix), key=lambda row: str(row["sk"]))
        return [tally_from(self._key(broadcast, row["sk"]), row) for row in rows]

    def audience(self, broadcast: Broadcast) -> list[str]:
        """Return the recipients in the order of the chunks."""
        return [point for chunk in self.chunks(broadcast) for point in chunk.points]

    def _key(self, broadcast: Broadcast, chunk: str) -> ChunkKey:
        names = (broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id)
        return ChunkKey(*names, chunk)
