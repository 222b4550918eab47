"""DynamoDB in memory, as far as our adapters use it: for worlds that run thousands of times.

It stands behind the very adapters that ship, and passes the storage contracts that moto and
DynamoDB Local pass (tests/integration/adapters/test_memory_dynamodb.py). One thread at a time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

from concord.adapters.dynamodb.marshal import Item, from_item, from_wire, to_item

type Values = Mapping[str, Any]
type Read = Callable[[Item, Values], Any]
type Test = Callable[[Item, Values], bool]
type Change = Callable[[Item, Item, Values], None]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[(),=<>+-]|[#:\w.]+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_MISSING = object()


class MemoryDynamoDb:
    """A client with one method for each operation, in wire form. `calls` counts requests, and
    `inserted` hears of each new item: the stream."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Item]] = defaultdict(dict)
        self._due: dict[tuple[str, str], Item] = {}
        self.calls: list[str] = []
        self.inserted: Callable[[str, str], None] = lambda pk, sk: None

    # --- operations --------------------------------------------------------------------------

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.calls.append("GetItem")
        item = self.find(request["Key"])
        return {"Item": to_item(item)} if item is not None else {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self.calls.append("BatchGetItem")
        ((table, part),) = request["RequestItems"].items()
        assert len(part["Keys"]) <= 100
        found = [item for key in part["Keys"] if (item := self.find(key)) is not None]
        return {"Responses": {table: [to_item(item) for item in found]}, "UnprocessedKeys": {}}

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._single("PutItem", "Put", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._single("DeleteItem", "Delete", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._single("UpdateItem", "Update", request)
        item = self.find(request["Key"])
        return {"Attributes": to_item(item or {})}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        self.calls.append("TransactWriteItems")
        actions = [next(iter(each.items())) for each in request["TransactItems"]]
        places = [_place(body.get("Item") or body["Key"]) for _, body in actions]
        assert len(set(places)) == len(places), "two actions on one item"
        refused = [not self._holds(body) for _, body in actions]
        if any(refused):
            reasons = [
                self._reason(body) if no else {"Code": "None"}
                for (_, body), no in zip(actions, refused, strict=True)
            ]
            raise _error("TransactionCanceledException", CancellationReasons=reasons)
        for verb, body in actions:
            self._apply(verb, body)
        return {}

    def query(self, **request: Any) -> dict[str, Any]:
        self.calls.append("Query")
        values = _values(request)
        test = _condition(_spelled(request["KeyConditionExpression"], request))
        if "IndexName" in request:
            pool = [item for item in self._due.values() if item["due_pk"] == values[":due_pk"]]
            order = ("due_sk", "pk")
        else:
            pool = list(self._items[values[":pk"]].values())
            order = ("sk", "sk")
        found = sorted((i for i in pool if test(i, values)), key=lambda i: [i[o] for o in order])
        if not request.get("ScanIndexForward", True):
            found.reverse()
        if start := request.get("ExclusiveStartKey"):
            places = [(i["pk"], i["sk"]) for i in found]
            found = found[places.index(_place(start)) + 1 :]
        answer: dict[str, Any] = {}
        if (limit := request.get("Limit")) and len(found) > limit:
            found = found[:limit]
            last = found[-1]
            answer["LastEvaluatedKey"] = {n: {"S": last[n]} for n in ("pk", "sk")}
        if "ProjectionExpression" in request:
            shown = _spelled(request["ProjectionExpression"], request)
            names = [n.strip() for n in shown.split(",")]
            found = [{n: i[n] for n in names if n in i} for i in found]
        return answer | {"Items": [to_item(item) for item in found]}

    def scan(self, **request: Any) -> dict[str, Any]:
        """Look at the next `Limit` items in the order of their keys; the real order is a hash's."""
        self.calls.append("Scan")
        test, values = _condition(_spelled(request["FilterExpression"], request)), _values(request)
        after = _place(request["ExclusiveStartKey"]) if "ExclusiveStartKey" in request else None
        places = sorted((pk, sk) for pk, part in self._items.items() for sk in part)
        left = [place for place in places if after is None or place > after]
        seen = left[: request.get("Limit")]
        found = [place for place in seen if test(self._items[place[0]][place[1]], values)]
        answer: dict[str, Any] = {"Count": len(found), "Items": [_wire_key(p) for p in found]}
        if len(left) > len(seen):
            answer["LastEvaluatedKey"] = _wire_key(seen[-1])
        return answer

    # --- looking -----------------------------------------------------------------------------

    def rows(self, prefix: str = "") -> list[Item]:
        """Return every item whose pk begins with `prefix`."""
        return [
            dict(item)
            for pk, part in self._items.items()
            if pk.startswith(prefix)
            for item in part.values()
        ]

    # --- how ---------------------------------------------------------------------------------

    def _single(self, name: str, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(name)
        if not self._holds(request):
            reason = self._reason(request)
            raise _error(
                "ConditionalCheckFailedException",
                **{k: v for k, v in reason.items() if k == "Item"},
            )
        self._apply(verb, request)
        return {}

    def find(self, key: Mapping[str, Any]) -> Item | None:
        """Return an item as it is now."""
        pk, sk = _place(key)
        return self._items[pk].get(sk)

    def _holds(self, body: Mapping[str, Any]) -> bool:
        text = body.get("ConditionExpression")
        if not text:
            return True
        item = self.find(body.get("Item") or body["Key"]) or {}
        return _condition(_spelled(text, body))(item, _values(body))

    def _reason(self, body: Mapping[str, Any]) -> dict[str, Any]:
        item = self.find(body.get("Item") or body["Key"])
        shown = item is not None and body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {
            "Code": "ConditionalCheckFailed",
            **({"Item": to_item(item or {})} if shown else {}),
        }

    def _apply(self, verb: str, body: Mapping[str, Any]) -> None:
        pk, sk = _place(body.get("Item") or body["Key"])
        is_new = sk not in self._items[pk]
        if verb == "Put":
            self._items[pk][sk] = from_item(body["Item"])
        elif verb == "Delete":
            self._items[pk].pop(sk, None)
        elif verb == "Update":
            old = self._items[pk].get(sk, {"pk": pk, "sk": sk})
            new, values = _copied(old), _values(body)
            for change in _changes(_spelled(body["UpdateExpression"], body)):
                change(old, new, values)
            self._items[pk][sk] = new
        item = self._items[pk].get(sk)
        if item is not None and "due_pk" in item:
            self._due[pk, sk] = item
        else:
            self._due.pop((pk, sk), None)
        if is_new and verb != "Delete":
            self.inserted(pk, sk)


def _place(key: Mapping[str, Any]) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _wire_key(place: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": place[0]}, "sk": {"S": place[1]}}


def _values(body: Mapping[str, Any]) -> Values:
    given = body.get("ExpressionAttributeValues", {})
    return {name: from_wire(value) for name, value in given.items()}


def _spelled(text: str, body: Mapping[str, Any]) -> str:
    names = body.get("ExpressionAttributeNames", {})
    assert all(f"#{real}" == alias for alias, real in names.items())
    return text.replace("#", "")


def _copied(value: Any) -> Any:
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value


def _error(code: str, **more: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "in memory"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
        **more,
    }
    return ClientError(response, "Write")


# --- expressions -----------------------------------------------------------------------------


class _Parser:
    """Reads one expression, token by token."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        assert "".join(self.tokens) == re.sub(r"\s", "", text), text

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        token = self.tokens.pop(0)
        assert not expected or token == expected, f"{expected} expected, not {token}"
        return str(token)

    def either(self) -> Test:
        tests = [self.both()]
        while self.peek() == "OR":
            self.take()
            tests.append(self.both())
        return lambda item, values: any(test(item, values) for test in tests)

    def both(self) -> Test:
        tests = [self.test()]
        while self.peek() == "AND":
            self.take()
            tests.append(self.test())
        return lambda item, values: all(test(item, values) for test in tests)

    def test(self) -> Test:
        if self.peek() == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if self.peek() == "NOT":
            self.take()
            negated = self.test()
            return lambda item, values: not negated(item, values)
        if self.peek() in ("attribute_exists", "attribute_not_exists"):
            wanted = self.take() == "attribute_exists"
            (read,) = self.arguments()
            return lambda item, values: (read(item, values) is not _MISSING) is wanted
        if self.peek() in ("begins_with", "contains"):
            name = self.take()
            left, right = self.arguments()
            if name == "begins_with":
                return lambda i, v: str(_or_empty(left(i, v))).startswith(right(i, v))
            return lambda i, v: right(i, v) in _or_empty(left(i, v))
        left = self.operand()
        if self.peek() == "BETWEEN":
            self.take()
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return lambda i, v: low(i, v) <= left(i, v) <= high(i, v)
        compare = _COMPARE[self.take()]
        right = self.operand()
        return lambda i, v: _compared(compare, left(i, v), right(i, v))

    def arguments(self) -> list[Read]:
        self.take("(")
        found = [self.operand()]
        while self.peek() == ",":
            self.take()
            found.append(self.operand())
        self.take(")")
        return found

    def operand(self) -> Read:
        token = self.take()
        if token == "size":
            (inner,) = self.arguments()
            return lambda i, v: len(inner(i, v))
        if token == "if_not_exists":
            first, second = self.arguments()
            return lambda i, v: _first(first(i, v), lambda: second(i, v))
        if token.startswith(":"):
            return lambda _, values: values[token]
        return lambda item, _: _at(item, token.split("."))

    def sum(self) -> Read:
        left = self.operand()
        if self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            right = self.operand()
            return lambda i, v: _number(left(i, v)) + sign * _number(right(i, v))
        return left

    def changes(self) -> list[Change]:
        found: list[Change] = []
        while self.tokens:
            clause = self.take()
            while True:
                found.append(self.change(clause))
                if self.peek() != ",":
                    break
                self.take()
        return found

    def change(self, clause: str) -> Change:
        path = self.take().split(".")
        if clause == "SET":
            self.take("=")
            value = self.sum()
            return lambda old, new, values: _set(new, path, value(old, values))
        if clause == "REMOVE":
            return lambda _, new, __: _remove(new, path)
        value = self.operand()
        if clause == "ADD":
            return lambda old, new, v: _set(new, path, _added(_at(old, path), value(old, v)))
        assert clause == "DELETE", clause
        return lambda old, new, v: _less(new, path, _at(old, path), value(old, v))


@lru_cache(maxsize=1000)
def _condition(text: str) -> Test:
    return _Parser(text).either()


@lru_cache(maxsize=1000)
def _changes(text: str) -> tuple[Change, ...]:
    return tuple(_Parser(text).changes())


def _at(item: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(item, Mapping) or name not in item:
            return _MISSING
        item = item[name]
    return item


def _or_empty(value: Any) -> Any:
    return "" if value is _MISSING else value


def _first(value: Any, other: Callable[[], Any]) -> Any:
    return other() if value is _MISSING else value


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if left is _MISSING or right is _MISSING or type(left) is not type(right):
        return False
    return compare(left, right)


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise _error("ValidationException")
    return value


def _added(old: Any, by: Any) -> Any:
    if isinstance(by, frozenset):
        return (frozenset() if old is _MISSING else old) | by
    return by if old is _MISSING else _number(old) + by


def _set(item: Item, path: list[str], value: Any) -> None:
    if value is _MISSING:
        raise _error("ValidationException")
    inner = _at(item, path[:-1])
    if inner is _MISSING:
        raise _error("ValidationException")
    inner[path[-1]] = _copied(value)


def _remove(item: Item, path: list[str]) -> None:
    inner = _at(item, path[:-1])
    if inner is not _MISSING:
        inner.pop(path[-1], None)


def _less(item: Item, path: list[str], old: Any, gone: frozenset[str]) -> None:
    left = frozenset() if old is _MISSING else old - gone
    if left:
        _set(item, path, left)
    else:
        _remove(item, path)
