"""The meter bills what leaves a function, refused writes included, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from bench.capacity import UncountedError, WireItem, indexes_of
from bench.meter import Bill, Meter, hooked
from bench.requests import units_read, written_keys
from tests.support.tables import create_table, schema

KB = 1024
KEY: dict[str, Any] = {"pk": {"S": "p"}, "sk": {"S": "s"}}


class Place:
    """A moto table, and a client whose requests a meter sees."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.client = boto3.client("dynamodb")
        self.table = create_table(self.client)

    def put(self, size: int, **more: Any) -> dict[str, Any]:
        filled = {"fill": {"S": "x" * (size - 10)}}  # pk, sk and the name take ten bytes
        return {"TableName": self.table, "Item": KEY | filled, **more}

    def bill(self, operation: str, **request: Any) -> Bill:
        with self.meter.billing() as bill, self.meter.running("Test"):
            getattr(self.client, operation)(**request)
        return bill


@pytest.fixture
def place() -> Iterator[Place]:
    def read(table: str, key: WireItem) -> WireItem | None:
        found: WireItem | None = made.client.get_item(TableName=table, Key=key).get("Item")
        return found

    with hooked(Meter(indexes_of(schema()), read)) as meter, mock_aws():
        made = Place(meter)
        yield made


def test_a_put_and_what_it_replaces(place: Place) -> None:
    """The old image is looked at before the write, the new one after it; looking costs nothing."""
    first = place.bill("put_item", **place.put(3 * KB))
    smaller = place.bill("put_item", **place.put(500))
    assert [first.write_units, smaller.write_units] == [3, 3]
    assert len(first.requests) == len(smaller.requests) == 1


def test_an_update_is_billed_by_its_images(place: Place) -> None:
    place.bill("put_item", **place.put(500))
    update = place.bill(
        "update_item",
        TableName=place.table,
        Key=KEY,
        UpdateExpression="SET due_pk = :a, due_sk = :a",
        ExpressionAttributeValues={":a": {"S": "a"}},
    )
    assert update.write_units == 1 + 1


def test_a_refused_write_costs_too(place: Place) -> None:
    """A condition that failed pays for the item in its way; in a transaction twice."""
    place.bill("put_item", **place.put(2 * KB))
    refused = place.put(500, ConditionExpression="attribute_not_exists(pk)")
    with place.meter.billing() as bill, place.meter.running("Test"):
        with pytest.raises(ClientError):
            place.client.put_item(**refused)
        with pytest.raises(ClientError):
            place.client.transact_write_items(TransactItems=[{"Put": refused}])
    assert [request.write_units for request in bill.requests] == [2, 4]


def test_reads_by_what_came_back(place: Place) -> None:
    place.bill("put_item", **place.put(9 * KB))
    get = {"TableName": place.table, "Key": KEY}
    assert place.bill("get_item", **get, ConsistentRead=True).read_units == 3
    assert place.bill("get_item", **get).read_units == 1.5
    query = place.bill(
        "query",
        TableName=place.table,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "p"}},
        ConsistentRead=True,
    )
    assert query.read_units == 3


def test_functions_are_billed_apart(place: Place) -> None:
    """A function that runs inside another has its own requests; the harness has none."""
    get = {"TableName": place.table, "Key": KEY}
    with place.meter.billing() as bill:
        place.client.get_item(**get)
        with place.meter.running("Outer"):
            place.client.get_item(**get)
            with place.meter.running("Inner"):
                place.client.get_item(**get)
                place.client.get_item(**get)
    assert bill.functions() == ["Outer", "Inner"]
    assert [len(bill.of(name).requests) for name in bill.functions()] == [1, 2]
    assert bill.spelled() == "3 GetItem"


def test_what_cannot_be_counted_is_refused() -> None:
    """Wrong figures would be worse than none."""
    with pytest.raises(UncountedError):
        written_keys("BatchWriteItem", {})
    with pytest.raises(UncountedError):
        units_read("Query", {"FilterExpression": "a = :a"}, {"Items": []})
