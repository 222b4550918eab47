"""Plan one broadcast of N recipients against a stubbed DynamoDB, and say what that cost.

`python -m bench.plan_run N` runs in a process of its own, so that its peak memory is the plan's.
The real worker runs on the real SDK down to the signed request; `_Groups` answers in place of the
network, and the time that it takes to make up an answer is not counted.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import create_autospec
from zlib import crc32

from bench.stub import Raw
from concord.adapters.clients import client
from concord.adapters.dynamodb.broadcast_items import broadcast_item
from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
from concord.adapters.dynamodb.groups import DynamoDbGroupAudience
from concord.adapters.dynamodb.marshal import to_item
from concord.adapters.dynamodb.plain_rows import of_plain_rows
from concord.adapters.dynamodb.table import Table
from concord.domain.broadcast import Broadcast, BroadcastState, Frozen
from concord.domain.groups import GROUP_SHARDS
from concord.domain.tasks import RowKey, Task, TaskKind, TaskState
from concord.ports import Connections, Platforms, TaskQueue, Tasks, Telemetry
from concord.services.defer_tasks import DeferTasks
from concord.services.plan_broadcast import PlanBroadcast

_NOW: Final = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
_SINCE: Final = int(_NOW.timestamp() * 1000) - 3_600_000
# Every n-th of all numbers is in the group: three groups that overlap, 1.83 rows a recipient.
_EVERY: Final = {"all": 1, "half": 2, "third": 3}
# DynamoDB fills 1 MB before it projects: of whole rows of some 200 bytes.
_PAGE: Final = 5_000
_SPACE: Final = 1 << 64


class _FixedClock:
    def now(self) -> datetime:
        return _NOW


@dataclass
class _Groups:
    """A table with three groups over `size` evenly spread numbers, made up as it is asked."""

    size: int
    header: Broadcast
    spent: float = 0.0
    requests: int = 0
    chunks: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Any, event_name: str, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        began = time.process_time()
        self.requests += 1
        operation = event_name.rpartition(".")[2]
        content = getattr(self, f"_{operation.lower()}")(request.body)
        headers = {"x-amz-crc32": str(crc32(content))}
        answer = AWSResponse(request.url, 200, headers, Raw(content))
        self.spent += time.process_time() - began
        return answer

    def _getitem(self, _: bytes) -> bytes:
        return json.dumps({"Item": to_item(broadcast_item(self.header))}).encode()

    def _transactwriteitems(self, body: bytes) -> bytes:
        for action in json.loads(body)["TransactItems"]:
            item = action.get("Put", {}).get("Item", {})
            if item.get("pk", {}).get("S", "").startswith("BT#"):
                self.chunks.append(item)
        return b"{}"

    def _query(self, body: bytes) -> bytes:
        request = json.loads(body)
        values = request["ExpressionAttributeValues"]
        kind, *_, group, shard = values[":pk"]["S"].split("#")
        if kind == "BT":
            newest_first = not request["ScanIndexForward"]
            return json.dumps(
                {"Items": self.chunks[::-1] if newest_first else self.chunks}
            ).encode()
        after = request.get("ExclusiveStartKey", {}).get("sk", values[":after"])["S"]
        rows = [self._row(n) for n in self._places(_EVERY[group], int(shard), after)]
        page: dict[str, Any] = {"Items": rows}
        if len(rows) == _PAGE:
            page["LastEvaluatedKey"] = {"pk": values[":pk"], "sk": rows[-1]["sk"]}
        return json.dumps(page, separators=(",", ":")).encode()

    def _places(self, every: int, shard: int, after: str) -> range:
        step = _SPACE // self.size
        low = -(-(shard * _SPACE // GROUP_SHARDS) // step)
        if after.startswith("v1."):
            low = int(after[3:19], 16) // step + 1
        high = min(-(-((shard + 1) * _SPACE // GROUP_SHARDS) // step), self.size)
        first = -(-low // every) * every
        return range(first, min(high, first + _PAGE * every), every)

    def _row(self, place: int) -> dict[str, Any]:
        point = f"v1.{place * (_SPACE // self.size):016x}{'7e' * 24}"
        row = {"sk": {"S": point}, "since": {"N": str(_SINCE)}}
        return row if place % 4 else row | {"region": {"S": "US-FL"}}


def plan(size: int) -> dict[str, float]:
    """Plan for `size` recipients; returns CPU seconds, peak memory in bytes, and what was made."""
    os.environ.update(dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x"))
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    groups = _Groups(size, _header())
    rows, others = (client("dynamodb", connect=1.0, read=1.0) for _ in range(2))
    for each in (rows, others):
        each.meta.events.register("before-send.dynamodb", groups.answer)
    worker = _worker(Table("bench", others), Table("bench", of_plain_rows(rows)))
    began = time.process_time()
    worker(_task())
    cpu = time.process_time() - began - groups.spent
    recipients = sum(int(chunk["size"]["N"]) for chunk in groups.chunks)
    if recipients != size:
        raise AssertionError(f"{recipients} of {size} recipients were planned")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"cpu": cpu, "peak": peak, "chunks": len(groups.chunks), "requests": groups.requests}


def _worker(table: Table, rows: Table) -> PlanBroadcast:
    def loose(port: type) -> Any:
        return create_autospec(port, instance=True)

    return PlanBroadcast(
        broadcasts=DynamoDbBroadcasts(table),
        audience=DynamoDbGroupAudience(rows),
        connections=loose(Connections),
        platforms=loose(Platforms),
        tasks=loose(Tasks),
        queue=create_autospec(TaskQueue, instance=True, send=lambda *_: []),
        defer=loose(DeferTasks),
        finish=lambda *_: None,
        clock=_FixedClock(),
        telemetry=loose(Telemetry),
    )


def _header() -> Broadcast:
    frozen = Frozen("s", _NOW, "Sale! Reply STOP to opt out", 1, 10.0, 600, True)
    return Broadcast(
        broadcast_id="20261122t090000-0a1b2c3d",
        merchant_id="shop",
        connection_id="shop.abcdefghij",
        name="Sale",
        group_ids=tuple(_EVERY),
        text="Sale!",
        state=BroadcastState.PLANNING,
        created_at=_NOW,
        frozen=frozen,
    )


def _task() -> Task:
    header = _header()
    return Task(
        key=RowKey("TP#shop#plan_broadcast", "TASK"),
        kind=TaskKind.PLAN_BROADCAST,
        merchant_id=header.merchant_id,
        connection_id=header.connection_id,
        task_id="t",
        payload={"broadcast_id": header.broadcast_id, "version": 1},
        state=TaskState.OPEN,
        attempts=1,
        created_at=_NOW,
    )


if __name__ == "__main__":
    print(json.dumps(plan(int(sys.argv[1]))))
