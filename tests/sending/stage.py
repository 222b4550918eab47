"""A shop with a broadcast under way, in memory and on a virtual clock."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from typing import Any

from concord.adapters.dynamodb import keys as row_keys
from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.consent_items import put_state
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.table import Table
from concord.bootstrap.parts import Parts
from concord.config import Settings
from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, Frozen
from concord.domain.chunks import Chunk, ChunkKey, Tally
from concord.domain.connection import Connection, ConnectionSettings, ConnectionState, Side
from concord.domain.consent import Signal
from concord.domain.consent_record import ConsentRecord
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import ConcordError, RetryableError
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.identity import Channel, key_fingerprint, point_id
from concord.domain.marks import Basis, Marks, SoftMark
from concord.domain.merchant import Merchant
from concord.domain.metrics import Metric
from concord.domain.profiles import SignalKind
from concord.domain.tasks import RowKey
from concord.ports import ConsentCommit
from concord.services.move_tasks import Sweep
from tests.sending.carriers import Carrier, Platforms
from tests.sending.virtual import START, Virtual
from tests.support.memory_dynamodb import MemoryDynamoDb

STACK_KEY = b"k" * 32
VISIBILITY = 360.0
_OPERATIONS = {
    name: name
    for name in (
        "get_item",
        "batch_get_item",
        "put_item",
        "update_item",
        "delete_item",
        "transact_write_items",
        "query",
    )
}


class Killed(BaseException):
    """The process ended here."""


class Telemetry:
    """Counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: list[tuple[str, dict[str, object]]] = []

    def count(self, name: Metric, value: float = 1) -> None:
        self.counts[name.value] += int(value)

    def gauge(self, name: Metric, value: float) -> None: ...

    def info(self, code: str, **fields: object) -> None:
        self.lines.append((code, fields))

    def bug(self, error: Exception) -> None:
        raise error


class Client:
    """The table's client as a process has it: requests take time, and may be the last."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._stage.memory, _OPERATIONS[name])

        def call(**request: Any) -> Any:
            self._stage.step(f"dynamodb.{name}", before=True)
            self._stage.virtual.wait(self._stage.table_latency)
            answer = real(**request)
            self._stage.step(f"dynamodb.{name}", before=False)
            return answer

        return call


class Queue:
    """The send queue: at least once, with delays, and so many workers at a time."""

    def __init__(self, stage: Stage, workers: int) -> None:
        self._stage = stage
        self._free = workers
        self._ready: deque[tuple[RowKey, int]] = deque()
        self.sent = 0

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        self._stage.step("sqs.send", before=True)
        self.put(keys, delay_seconds)
        self._stage.step("sqs.send", before=False)
        return []

    def put(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> None:
        """Have keys delivered, unwatched."""
        for key in keys:
            if not key.pk.startswith("TS#"):
                continue  # confirmations and pushes have queues and workers of their own
            self.sent += 1
            for _ in range(self._stage.copies()):
                self._stage.virtual.after(delay_seconds + 0.02, self._arrival(key, 1))

    def _arrival(self, key: RowKey, receives: int) -> Callable[[], None]:
        def arrive() -> None:
            self._ready.append((key, receives))
            self._next()

        return arrive

    def _next(self) -> None:
        while self._free and self._ready:
            key, receives = self._take()
            self._free -= 1
            self._stage.virtual.after(0, partial(self._work, key, receives))

    def _take(self) -> tuple[RowKey, int]:
        return self._ready.popleft()

    def _work(self, key: RowKey, receives: int) -> None:
        try:
            self._stage.parts.run_task(key, receives)
        except (Killed, ConcordError):
            again = self._arrival(key, receives + 1)
            self._stage.virtual.after(VISIBILITY, again)
        self._free += 1
        self._next()


class Unwatched:
    """The queue for whoever is no worker: nobody is killed there."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        self._queue.put(keys, delay_seconds)
        return []


class FairQueue(Queue):
    """Shares out by merchant: whoever has the fewest at work comes next (SQS fair queues)."""

    def __init__(self, stage: Stage, workers: int) -> None:
        super().__init__(stage, workers)
        self._busy: Counter[str] = Counter()

    def _take(self) -> tuple[RowKey, int]:
        merchants = {row_keys.merchant_in(key): None for key, _ in self._ready}
        chosen = min(merchants, key=lambda m: self._busy[m])
        taken = next(each for each in self._ready if row_keys.merchant_in(each[0]) == chosen)
        self._ready.remove(taken)
        return taken

    def _work(self, key: RowKey, receives: int) -> None:
        merchant = row_keys.merchant_in(key)
        self._busy[merchant] += 1
        try:
            super()._work(key, receives)
        finally:
            self._busy[merchant] -= 1


class Secrets:
    """The parameter store."""

    client = None

    def load(self, connection_id: str, version: int | None) -> ConnectionSecrets:
        return ConnectionSecrets(STACK_KEY)


class Safety:
    """SafetyDepth."""

    def __init__(self) -> None:
        self.holding = False

    def holds(self) -> bool:
        return self.holding


@dataclass
class Shop:
    """A merchant with a connection, and her numbers in the order of their ids."""

    connection: Connection
    numbers: Mapping[str, str]

    @property
    def points(self) -> list[str]:
        return sorted(self.numbers)


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


def connection_of(name: str) -> Connection:
    """Return a connected connection of a merchant."""
    connection_id = f"{name}.c1"
    return Connection(
        connection_id=connection_id,
        merchant_id=name,
        merchant_name="Shop",
        country="US",
        integration="catapult-text_em_all",
        state=ConnectionState.CONNECTED,
        source=Side("catapult", f"cat-{name}", "https://pos.example.com"),
        destination=Side("text_em_all", f"tea-{name}", "https://tea.example.com"),
        settings=ConnectionSettings(),
        key_fingerprint=key_fingerprint(STACK_KEY, connection_id),
        tokens=(),
        connect_keys=(),
        created_at=START,
        text_numbers=(("+18885550100", "1"),),
        first_number="+18885550100",
    )


def chance(seed: int) -> random.Random:
    """Return the dice of a seed."""
    return random.Random(seed)


def moment(seconds: float) -> datetime:
    """Return the moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)
