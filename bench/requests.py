"""What a DynamoDB request touches: the keys that it writes, the items that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bench.capacity import READS, WRITES, UncountedError, WireItem, read_units

_KEYS: Final = ("pk", "sk")
# Attributes are looked at before and after, so what an expression does need not be known.
_HOLDS_KEY: Final = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key"}


def written_keys(operation: str, request: Mapping[str, Any]) -> list[WireItem]:
    """Return the keys of the items that a request writes, in its order; none for a read."""
    if operation in READS:
        return []
    if operation not in WRITES:
        raise UncountedError(operation)
    if operation == "TransactWriteItems":
        return [
            _key(action[_HOLDS_KEY[verb]])
            for each in request["TransactItems"]
            for verb, action in each.items()
        ]
    return [_key(request.get("Item") or request["Key"])]


def units_read(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Return the read units of a request, from the items in its answer."""
    if operation not in READS:
        return 0.0
    # What a filter drops is read and paid for; the answer would not tell how much that was.
    if {"FilterExpression", "ProjectionExpression", "Select"} & request.keys():
        raise UncountedError(f"{operation} that answers less than it reads")
    if operation == "GetItem":
        items = [answer["Item"]] if answer.get("Item") else []
    else:
        items = answer.get("Items", [])
    return read_units(items, consistent=bool(request.get("ConsistentRead")))


def _key(attributes: WireItem) -> WireItem:
    return {name: attributes[name] for name in _KEYS}
