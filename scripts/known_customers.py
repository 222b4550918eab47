"""`python -m scripts.known_customers CONNECTION COUNT`: customers of long ago, for the local stack.

Whoever is saved by the shop's API is pushed to the list at once, so nobody would be left for an
export. These stand in the table as if they had been there before: their rows, and no task.
Every tenth has no address.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import batched
from typing import Any, Final, cast

from concord.adapters.dynamodb.shoppers import DynamoDbShoppers
from concord.adapters.dynamodb.table import Table
from concord.bootstrap.parts import Parts
from concord.config import Settings
from concord.domain.shopper import Shopper
from concord.entrypoint.observability import TELEMETRY
from concord.services.authenticate import Authenticated
from concord.services.mirror_shopper import shopper_of
from concord.services.parse_shopper import parse_shopper
from sandbox.demo.clients import Stack, read_stack
from sandbox.stack.deploy import client
from sandbox.stack.tools import ROOT_KEY

_WITHOUT_ADDRESS: Final = 10
_AT_ONCE: Final = 25


class _Rows:
    """Stands in for the table's client: keeps what is put, for writing it many at a time."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Keep a row. Its condition holds: nobody knows these customers yet."""
        self.items.append(request["Item"])
        return {}


def main(connection_id: str, count: int) -> None:
    """Put them into the table of the running stack."""
    stack = read_stack()
    parts = _parts(stack)
    connection = parts.connections.get(connection_id)
    if connection is None:
        raise SystemExit("no such connection")
    opened, rows = parts.authenticator.with_secrets(connection), _Rows()
    shoppers = DynamoDbShoppers(Table(stack.table, cast("Any", rows)), parts.tasks)
    for number in range(count):
        shoppers.save(_customer(opened, number).following(None, parts.clock.now()), None, ())
    for part in batched(rows.items, _AT_ONCE, strict=False):
        puts = [{"PutRequest": {"Item": item}} for item in part]
        parts.table.client.batch_write_item(RequestItems=cast("Any", {stack.table: puts}))


def _customer(opened: Authenticated, number: int) -> Shopper:
    """Return her as the shop's API would make her of the shop's words."""
    name, connection = f"regular-{number}", opened.connection
    said = {"first_name": f"Regular {number}"}
    if number % _WITHOUT_ADDRESS:
        said["email"] = f"{name}@{connection.merchant_id}.example"
    return shopper_of(opened, name, parse_shopper(json.dumps(said).encode(), connection.country))


def _parts(stack: Stack) -> Parts:
    """Return the adapters, wired as those of the stack's own worker."""
    lambdas: Any = client("lambda", stack.endpoint_url)
    found = lambdas.get_function_configuration(FunctionName=stack.functions["SyncRunTask"])
    os.environ |= {
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
    }
    return Parts(Settings(found["Environment"]["Variables"]), TELEMETRY)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
