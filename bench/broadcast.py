"""What a broadcast takes for each recipient, from its queued chunks to its report.

Our own worker and adapters over DynamoDB in memory, on a virtual clock (tests/sending): a send of
ten thousand is over in seconds, and each request is billed as bench/capacity.py computes it. Beside
it, in the same run, a fan-out with an item for each recipient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from bench.capacity import Change, Index, WireItem, indexes_of, item_size, read_units, write_units
from bench.figures import Figure
from bench.requests import written_keys
from concord.adapters.dynamodb.marshal import to_item
from concord.adapters.dynamodb.table import Table
from concord.adapters.sqs import SqsSafetyDepth
from concord.domain.tasks import RowKey
from tests.sending.stage import Stage
from tests.sending.stand_ins import Queue
from tests.support.tables import schema

RECIPIENTS: Final = 10_000
_BLOCK: Final = 4096
_NAIVE: Final = 500
_GOALS: Final = {
    "broadcast": (0.05, 0.3),
    "broadcast_capped": (0.1, 0.6),
    "broadcast_single": (0.3, 0.6),
}
_OPERATIONS: Final = {
    "get_item": "GetItem",
    "batch_get_item": "BatchGetItem",
    "query": "Query",
    "put_item": "PutItem",
    "update_item": "UpdateItem",
    "delete_item": "DeleteItem",
    "transact_write_items": "TransactWriteItems",
}


@dataclass
class Bill:
    """Requests by name, and units."""

    requests: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    read_units: float = 0.0


class Billed:
    """A table's client that writes a bill."""

    def __init__(self, memory: Any, bill: Bill) -> None:
        self._memory = memory
        self._bill = bill
        self._indexes: tuple[Index, ...] = indexes_of(schema())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = _OPERATIONS[name]

        def call(**request: Any) -> Any:
            self._bill.requests[operation] += 1
            keys = [] if operation == "BatchGetItem" else written_keys(operation, request)
            before = [self._look(key) for key in keys]
            try:
                answer = getattr(self._memory, name)(**request)
            finally:
                changes = map(Change, before, [self._look(key) for key in keys])
                twice = operation == "TransactWriteItems"
                self._bill.write_units += (
                    write_units(changes, self._indexes, transaction=twice) if keys else 0
                )
            self._bill.read_units += _read(operation, request, answer)
            return answer

        return call

    def _look(self, key: WireItem) -> WireItem | None:
        stored = self._memory.find(key)
        return to_item(stored) if stored is not None else None


def _read(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Return the read units of a request; of a batch each item is rounded up for itself."""
    if operation == "GetItem":
        return read_units([answer["Item"]] if "Item" in answer else [], consistent=True)
    if operation == "Query":
        return read_units(answer["Items"], consistent=request.get("ConsistentRead", False))
    if operation == "BatchGetItem":
        ((table, part),) = request["RequestItems"].items()
        found = [max(1, ceil(item_size(item) / _BLOCK)) for item in answer["Responses"][table]]
        return float(sum(found) + len(part["Keys"]) - len(found))
    return 0.0


class _Sqs:
    """The safety queue, empty; each question is a request."""

    def __init__(self, bill: Bill) -> None:
        self._bill = bill

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        self._bill.requests["GetQueueAttributes"] += 1
        return {"Attributes": dict.fromkeys(request["AttributeNames"], "0")}


def broadcast_costs(told: Callable[[str], None] = lambda _: None) -> list[Figure]:
    """Send to ten thousand in bulk, with a cap and without, and text by text."""
    naive = _naive()
    figures = []
    for name, bulk, rate, cap in (
        ("broadcast", True, 10.0, {}),
        ("broadcast_capped", True, 10.0, {"texts": 4, "days": 7}),
        ("broadcast_single", False, 100.0, {}),
    ):
        told(name)
        figures += _figures(name, _sent(bulk=bulk, rate=rate, cap=cap), naive)
    return figures


def _sent(*, bulk: bool, rate: float, cap: Mapping[str, int]) -> Bill:
    """Return the bill of one send, from its first message on; calls to the sender are not in it."""
    bill = Bill()
    stage = Stage(bulk=bulk, workers=20, table_latency=0.0)
    stage.carrier.latency = lambda: 0.05
    table = Table("memory", Billed(stage.memory, bill))  # type: ignore[arg-type]
    safety = SqsSafetyDepth("safety", _Sqs(bill), monotonic=stage.virtual.monotonic)  # type: ignore[arg-type]
    shop = stage.shop(count=RECIPIENTS, cap=cap)
    stage.take(table, safety)
    queued = stage.queue.send

    def send(keys: Any, delay_seconds: int = 0) -> list[RowKey]:
        bill.requests["SendMessageBatch"] += ceil(len(keys) / 10)
        return queued(keys, delay_seconds)

    vars(stage.queue)["send"] = send
    broadcast = stage.broadcast(shop, rate=rate, slice_size=600 if bulk else 10)
    stage.sweeps(3 * RECIPIENTS / rate)
    stage.virtual.run(3 * RECIPIENTS / rate)
    assert stage.report(broadcast) == {"sent": RECIPIENTS}
    assert isinstance(stage.queue, Queue)
    return bill


def _naive() -> Bill:
    """Return the bill of a message and an item per recipient: consent read, item put before the
    call and updated after it, nothing paced and no cap."""
    bill = Bill()
    stage = Stage(table_latency=0.0)
    shop = stage.shop(count=_NAIVE)
    table = Table("memory", Billed(stage.memory, bill))  # type: ignore[arg-type]
    for number, point in enumerate(shop.points):
        if number % 10 == 0:
            bill.requests["SendMessageBatch"] += 1
        table.get(RowKey(f"C#shop#{shop.connection.account}#sms#{point}", "STATE"))
        row = RowKey(f"SEND#shop#b1#{point}", "SEND")
        decided = {"state": "attempting", "consent_seq": 1, "rules": ["us-federal-hours"]}
        table.put(row, decided, "attribute_not_exists(pk)")
        table.update(row, "SET #state = :sent, #message_id = :id", sent="sent", id="SM" + "0" * 32)
    return bill


def _figures(name: str, bill: Bill, naive: Bill) -> list[Figure]:
    goals = _GOALS[name]
    requests = bill.requests.total() / RECIPIENTS
    beside = naive.requests.total() / _NAIVE
    writes, writes_beside = bill.write_units / RECIPIENTS, naive.write_units / _NAIVE
    spelled = ", ".join(f"{count} {each}" for each, count in bill.requests.most_common())
    return [
        Figure(
            f"{name}.requests_per_recipient",
            round(requests, 3),
            "requests",
            beside,
            requests / beside,
            goals[0],
            spelled,
        ),
        Figure(
            f"{name}.write_units_per_recipient",
            round(writes, 3),
            "write units",
            writes_beside,
            writes / writes_beside,
            goals[1],
            "beside: an item for each recipient",
        ),
        Figure(
            f"{name}.read_units_per_recipient",
            round(bill.read_units / RECIPIENTS, 3),
            "read units",
            naive.read_units / _NAIVE,
        ),
    ]
