"""Counts AWS requests where they leave (botocore's `before-send`), and what each of them costs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore import handlers

from bench.capacity import Change, Index, WireItem, write_units
from bench.requests import units_read, written_keys

type ReadItem = Callable[[str, WireItem], WireItem | None]
"""Reads one item as it is now, by table name and key."""


@dataclass(slots=True)
class Request:
    """One request that left, and what it cost."""

    function: str
    service: str
    operation: str
    write_units: int = 0
    read_units: float = 0.0


@dataclass(slots=True)
class Bill:
    """The requests of something that was done."""

    requests: list[Request] = field(default_factory=list)

    @property
    def write_units(self) -> int:
        return sum(request.write_units for request in self.requests)

    @property
    def read_units(self) -> float:
        return sum(request.read_units for request in self.requests)

    def of(self, function: str) -> Bill:
        """Return what one function did of it."""
        return Bill([r for r in self.requests if r.function == function])

    def functions(self) -> list[str]:
        """Return the functions that made requests, in the order of their first."""
        return list(dict.fromkeys(request.function for request in self.requests))

    def spelled(self) -> str:
        """Return the operations in words: `2 GetItem, TransactWriteItems`."""
        counts = Counter(request.operation for request in self.requests)
        return ", ".join(f"{n} {name}" if n > 1 else name for name, n in counts.items())


@dataclass(slots=True)
class _Sent:
    """A DynamoDB request on its way."""

    request: Request
    table: str
    body: Mapping[str, Any]
    keys: Sequence[WireItem]
    before: Sequence[WireItem | None]


class Meter:
    """Bills what is sent while a function runs; what runs outside of one belongs to the harness."""

    def __init__(self, indexes: Sequence[Index], read_item: ReadItem) -> None:
        self._indexes = indexes
        self._read_item = read_item
        self._running: list[str] = []
        self._bill = Bill()
        self._sent: _Sent | None = None
        self.looking = False  # whether a request is the meter's own

    @contextmanager
    def running(self, function: str) -> Iterator[None]:
        """Bill the requests inside to `function`. Functions may run inside one another."""
        self._running.append(function)
        try:
            yield
        finally:
            self._running.pop()

    @contextmanager
    def billing(self) -> Iterator[Bill]:
        """Collect the requests inside on a bill of their own."""
        before, self._bill = self._bill, Bill()
        try:
            yield self._bill
        finally:
            before.requests += self._bill.requests
            self._bill = before

    # --- botocore's hooks --------------------------------------------------------------------

    def before_send(self, request: Any, event_name: str, **_: Any) -> None:
        """Note a request, and what it is about to overwrite."""
        if self.looking or not self._running:
            return
        service, operation = event_name.split(".")[1:]
        noted = Request(self._running[-1], service, operation)
        self._bill.requests.append(noted)
        if service == "dynamodb":
            body = json.loads(request.body)
            table, keys = _table_of(body), written_keys(operation, body)
            self._sent = _Sent(noted, table, body, keys, self._look(table, keys))

    def after_call(self, parsed: Mapping[str, Any], event_name: str, **_: Any) -> None:
        """Bill a request by its answer and by what stands in the table now.

        A write that was refused changed nothing; `write_units` bills it all the same.
        """
        sent, service = self._sent, event_name.split(".")[1]
        if self.looking or sent is None or service != "dynamodb":
            return
        self._sent = None
        changes = map(Change, sent.before, self._look(sent.table, sent.keys))
        operation = sent.request.operation
        transaction = operation == "TransactWriteItems"
        sent.request.write_units = write_units(changes, self._indexes, transaction=transaction)
        sent.request.read_units = units_read(operation, sent.body, parsed)

    def _look(self, table: str, keys: Iterable[WireItem]) -> list[WireItem | None]:
        self.looking = True
        try:
            return [self._read_item(table, key) for key in keys]
        finally:
            self.looking = False


@contextmanager
def hooked(meter: Meter) -> Iterator[Meter]:
    """Let every botocore session that is made inside tell `meter` what it sends."""
    ours: list[tuple[str, Any]] = [
        ("before-send", meter.before_send),
        ("after-call", meter.after_call),
    ]
    # First, because an emulator in the process answers at `before-send` and ends the round.
    handlers.BUILTIN_HANDLERS[:0] = ours
    try:
        yield meter
    finally:
        for each in ours:
            handlers.BUILTIN_HANDLERS.remove(each)


def _table_of(body: Mapping[str, Any]) -> str:
    if "TableName" in body:
        return str(body["TableName"])
    (action,) = body["TransactItems"][0].values()
    return str(action["TableName"])
