"""A shop with a broadcast under way, in memory and on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.consent_items import put_state
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.table import Table
from concord.bootstrap.parts import Parts
from concord.config import Settings
from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, Frozen
from concord.domain.chunks import Chunk, ChunkKey, Tally
from concord.domain.connection import ConnectionState
from concord.domain.consent import Signal
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import RetryableError
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.identity import Channel, point_id
from concord.domain.marks import Basis, Marks, SoftMark
from concord.domain.merchant import Merchant
from concord.domain.profiles import SignalKind
from concord.domain.tasks import RowKey
from concord.ports import ConsentCommit
from concord.services.move_tasks import Sweep
from tests.sending.carriers import Carrier, Platforms
from tests.sending.shop import Shop, connection_of
from tests.sending.stand_ins import (
    STACK_KEY,
    Client,
    FairQueue,
    Queue,
    Safety,
    Secrets,
    Telemetry,
    Unwatched,
)
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.virtual import START, Virtual


class Stage:
    """Everything. `step` hooks see each request of a process; `copies` says how often a message is
    delivered."""

    def __init__(
        self,
        *,
        bulk: bool = False,
        workers: int = 5,
        fair: bool = True,
        table_latency: float = 0.004,
    ) -> None:
        self.virtual = Virtual()
        self.memory = MemoryDynamoDb()
        self.memory.inserted = self._relay
        self.carrier = Carrier(self.virtual)
        self.safety = Safety()
        self.telemetry = Telemetry()
        self.table_latency = table_latency
        self.bulk = bulk
        self.platforms = Platforms(self.carrier, bulk=bulk)
        self.on_step: Callable[[str, bool], None] = lambda name, before: None
        self.copies: Callable[[], int] = lambda: 1
        self.queue = (FairQueue if fair else Queue)(self, workers)
        self.paced: list[str] = []
        self.parts = self._parts()
        self.quiet = Table("memory", self.memory)  # type: ignore[arg-type]

    def _parts(self) -> Parts:
        parts = Parts(Settings({}), self.telemetry, self.virtual)
        parts.sleeper = self.virtual
        table = Table("memory", Client(self), sleep=self.virtual.wait)  # type: ignore[arg-type]
        ours: dict[str, Any] = {
            "table": table,
            "connections": DynamoDbConnections(table, self.virtual.monotonic),
            "secrets": Secrets(),
            "queue": self.queue,
            "safety_depth": self.safety,
            "platforms": self.platforms,
        }
        parts.__dict__.update(ours)
        book = parts.pace.book

        def counted(*args: Any) -> Any:
            self.paced.append("book")
            return book(*args)

        vars(parts.pace)["book"] = counted
        return parts

    def take(self, table: Table, safety: Any) -> None:
        """Let the workers use another way to the table and the safety queue, and start anew."""
        self.parts = Parts(Settings({}), self.telemetry, self.virtual)
        self.parts.sleeper = self.virtual
        ours = {
            "table": table,
            "connections": DynamoDbConnections(table, self.virtual.monotonic),
            "secrets": Secrets(),
            "queue": self.queue,
            "safety_depth": safety,
            "platforms": self.platforms,
        }
        self.parts.__dict__.update(ours)

    @staticmethod
    def unreachable() -> RetryableError:
        """Return what a sender that is down raises."""
        return RetryableError("not connected")

    def step(self, name: str, *, before: bool) -> None:
        """Tell whoever listens of a request of a process."""
        if self.virtual.in_process:
            self.on_step(name, before)

    def _relay(self, pk: str, sk: str) -> None:
        """Play the stream: a new task row is queued."""
        if pk.startswith("TS#"):
            self.queue.put([RowKey(pk, sk)])

    # --- a shop ------------------------------------------------------------------------------

    def shop(
        self, name: str = "shop", count: int = 30, *, cap: Mapping[str, Any] | None = None
    ) -> Shop:
        """Make a connected shop whose shoppers have all opted in."""
        merchant = Merchant(name, "Shop", "America/New_York", "US", frequency_cap=cap or {})
        made = connection_of(name)
        audit = AuditEntry(name, made.connection_id, START, "test", "create", {})
        DynamoDbMerchants(self.quiet).put(merchant, audit)
        DynamoDbConnections(self.quiet).create(made, multi_link=False, audit=audit)
        shop = Shop(made, {})
        return replace(shop, numbers=dict(self._opted_in(shop, at) for at in range(count)))

    def _opted_in(self, shop: Shop, at: int) -> tuple[str, str]:
        merchant_id = shop.connection.merchant_id
        number = f"+1212{200 + len(merchant_id) + at // 10_000:03d}{at % 10_000:04d}"
        identity = point_id(STACK_KEY, merchant_id, Channel.SMS, number)
        key = ConsentKey(merchant_id, shop.connection.account, Channel.SMS, identity)
        marks = Marks(soft=SoftMark(START - timedelta(days=9), True, Basis.EXPLICIT))
        record = ConsentRecord(
            key, shop.connection.connection_id, number, 1, marks, "h" * 64, START
        )
        self.quiet.write(put_state(ConsentCommit(record, 0, Evidence(1, {}, "h" * 64, None, {}))))
        return identity, number

    def broadcast(
        self,
        shop: Shop,
        *,
        rate: float = 10.0,
        slice_size: int = 10,
        chunk_size: int = 1000,
        token: str = "00000001",
        points: Sequence[str] = (),
    ) -> Broadcast:
        """Plan a broadcast to all of a shop's numbers: its chunks are queued."""
        points = points or shop.points
        made = shop.connection
        frozen = Frozen("snap", START, "Peaches today. Reply STOP", 1, rate, slice_size, self.bulk)
        broadcast = Broadcast(
            broadcast_id=f"20261123t160000-{token}",
            merchant_id=made.merchant_id,
            connection_id=made.connection_id,
            name="Peaches",
            group_ids=("g1",),
            text="Peaches today.",
            state=BroadcastState.PLANNING,
            created_at=START,
            frozen=frozen,
        )
        quiet = self._quietly()
        audit = AuditEntry(made.merchant_id, made.connection_id, START, "test", "made", {})
        quiet.broadcasts.create(broadcast, audit)
        for number, part in enumerate(batched(points, chunk_size, strict=False), 1):
            key = ChunkKey(
                made.merchant_id, made.connection_id, broadcast.broadcast_id, f"{number:06d}"
            )
            assert quiet.broadcasts.add_chunk(broadcast, Chunk(key, part), START) is not None
        self.change(broadcast, state=BroadcastState.SENDING, planned=True, audience=len(points))
        return broadcast

    def _quietly(self) -> Parts:
        """Return adapters that nobody watches: what operators do is no part of the worker."""
        parts = Parts(Settings({}), self.telemetry, self.virtual)
        parts.__dict__["table"] = self.quiet
        return parts

    # --- what others do meanwhile ------------------------------------------------------------

    def header(self, broadcast: Broadcast) -> Broadcast:
        """Return a broadcast as it is now."""
        found = self._quietly().broadcasts.get(broadcast.connection_id, broadcast.broadcast_id)
        assert found is not None
        return found

    def change(self, broadcast: Broadcast, **changes: Any) -> None:
        """Change a broadcast's header as an operator does, whatever else changed."""
        current = self.header(broadcast)
        changed = replace(current, version=current.version + 1, **changes)
        assert self._quietly().broadcasts.update(changed, self.virtual.now())

    def changes_sender(self, *, bulk: bool) -> None:
        """Give everybody a sender that takes many texts in a call, or one that does not."""
        self.platforms.bulk = bulk

    def plan_again(self, broadcast: Broadcast) -> None:
        """Have a planner called for a broadcast, as a change to it does."""
        current = self.header(broadcast)
        changed = replace(current, version=current.version + 1)
        assert self._quietly().broadcasts.update(changed, self.virtual.now(), wakes=True)

    def connection(self, shop: Shop, state: ConnectionState) -> None:
        """Put a shop's connection into a state, as an operator does."""
        store = DynamoDbConnections(self.quiet)
        current = store.get(shop.connection.connection_id, fresh=True)
        assert current is not None
        changed = replace(current, state=state, version=current.version + 1)
        names = (current.merchant_id, current.connection_id)
        audit = AuditEntry(*names, self.virtual.now(), "test", "state_changed", {})
        assert store.update(changed, audit)

    def stop(self, shop: Shop, number: str) -> None:
        """Let a shopper text STOP: it is stored when this returns."""
        quiet = self._quietly()
        now = self.virtual.now()
        quiet.apply_signal(
            connection=shop.connection,
            stack_key=STACK_KEY,
            channel=Channel.SMS,
            point=number,
            signal=Signal(SignalKind.OPT_OUT, effective_at=now, received_at=now, via="handset"),
        )

    def wake(self, broadcast: Broadcast) -> None:
        """Queue the open chunks of a broadcast, as resuming it does."""
        for row in self.memory.rows("TS#"):
            if broadcast.broadcast_id in row["pk"]:
                self.queue.put([RowKey(row["pk"], row["sk"])])

    def sweeps(self, until: float) -> None:
        """Let the five-minute sweep run till then."""
        sweep = Sweep(self._quietly().tasks, Unwatched(self.queue), self.virtual, self.telemetry)
        for minute in range(5 + int(self.virtual.monotonic() / 60), int(until / 60), 5):
            self.virtual.at(minute * 60.0, lambda: sweep(self.virtual.now()))

    # --- what came of it ---------------------------------------------------------------------

    def tallies(self, broadcast: Broadcast) -> list[Tally]:
        """Return the tallies of all chunks."""
        names = (broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id)
        return list(self._quietly().chunks.tallies(*names))

    def report(self, broadcast: Broadcast) -> Mapping[str, int]:
        """Return the report of a broadcast that is over; it adds up to the audience."""
        ended = self.header(broadcast)
        assert ended.over, (ended.state, ended.held, ended.open_chunks)
        assert ended.open_chunks == 0
        assert sum(ended.report.values()) == ended.audience, ended.report
        return ended.report


def moment(seconds: float) -> datetime:
    """Return the moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)
