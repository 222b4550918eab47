"""Our units beside those that MiniStack reports, for a few operations on a table of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bench.capacity import WireItem, indexes_of
from bench.figures import Figure
from bench.meter import Meter, hooked
from sandbox.stack.layout import layout
from sandbox.stack.lifecycle import status
from tests.support.tables import create_table, schema

type Step = tuple[str, Callable[..., Any], dict[str, Any]]

_KILOBYTE: Final = 1024


def emulator_check() -> list[Figure]:
    """Return the units of each operation and MiniStack's own; nothing when no stack is up."""
    stack = status(layout())
    return check_against(stack) if stack else []


def check_against(stack: dict[str, Any]) -> list[Figure]:
    """Run the operations at the endpoint that a stack.json names, and remove their table."""

    def read_item(table: str, key: WireItem) -> WireItem | None:
        answer = client.get_item(TableName=table, Key=key, ConsistentRead=True)
        found: WireItem | None = answer.get("Item")
        return found

    with hooked(Meter(indexes_of(schema()), read_item)) as meter:
        client = boto3.session.Session(
            aws_access_key_id=stack["access_key_id"],
            aws_secret_access_key=stack["secret_access_key"],
            region_name=stack["region"],
        ).client(
            "dynamodb",
            endpoint_url=stack["endpoint_url"],
            config=Config(retries={"total_max_attempts": 1}, read_timeout=10),
        )
        table = create_table(client)
        try:
            return [_measured(meter, *step) for step in _steps(client, table)]
        finally:
            with suppress(ClientError, BotoCoreError):
                client.delete_table(TableName=table)


def _measured(meter: Meter, name: str, call: Callable[..., Any], request: dict[str, Any]) -> Figure:
    with meter.billing() as bill, meter.running("check"):
        answer = call(**request, ReturnConsumedCapacity="TOTAL")
    ours = bill.write_units + bill.read_units
    reported = answer.get("ConsumedCapacity") or {}
    several = reported if isinstance(reported, list) else [reported]
    theirs = sum(float(each.get("CapacityUnits", 0)) for each in several)
    unit = "write units" if bill.write_units else "read units"
    return Figure(f"capacity_check.{name}", ours, unit, baseline=theirs)


def _steps(client: Any, table: str) -> Iterator[Step]:
    """Yield operations in their order: each finds what the ones before it left."""

    def put(name: str, kilobytes: float, **more: str) -> dict[str, Any]:
        return {"TableName": table, "Item": _item(name, kilobytes, **more)}

    yield "put_1_kb", client.put_item, put("a", 1)
    yield "put_smaller", client.put_item, put("b", 3) | {"Item": _item("a", 0.5)}
    three = [{"Put": put(name, size)} for name, size in (("t1", 1), ("t2", 2), ("t3", 1))]
    yield "transaction_1_2_1_kb", client.transact_write_items, {"TransactItems": three}
    yield "put_indexed", client.put_item, put("i", 0.5, due_pk="DUE#1", due_sk="1")
    yield "index_key_changes", client.put_item, put("i", 0.5, due_pk="DUE#1", due_sk="2")
    yield "index_entry_goes", client.put_item, put("i", 0.5)
    yield "delete", client.delete_item, {"TableName": table, "Key": _key("t2")}
    client.put_item(**put("large", 39))
    strong = {"TableName": table, "ConsistentRead": True}
    yield "get_39_kb", client.get_item, {**strong, "Key": _key("large")}
    yield (
        "query_39_kb",
        client.query,
        {
            **strong,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "large"}},
        },
    )


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "bench"}}


def _item(name: str, kilobytes: float, **more: str) -> dict[str, Any]:
    """Return an item of exactly this size: names count, and so do values."""
    item = _key(name) | {key: {"S": value} for key, value in more.items()}
    taken = sum(len(key) + len(value["S"]) for key, value in item.items()) + len("fill")
    return item | {"fill": {"S": "x" * (int(kilobytes * _KILOBYTE) - taken)}}
