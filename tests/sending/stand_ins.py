"""What stands in for AWS: the table's client, the send queue, the parameters, the telemetry."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from concord.adapters.dynamodb import keys as row_keys
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import ConcordError
from concord.domain.metrics import Metric
from concord.domain.tasks import RowKey

if TYPE_CHECKING:
    from tests.sending.stage import Stage

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


class Unwatched:
    """The queue for whoever is no worker: nobody is killed there."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        self._queue.put(keys, delay_seconds)
        return []


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
