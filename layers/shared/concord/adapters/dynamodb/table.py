"""Thin gateway to the one table: plain values in and out, one retry loop, one time budget."""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from concord.adapters.clients import client as new_client
from concord.adapters.dynamodb.marshal import Item, from_item, to_item, to_wire
from concord.domain.errors import StorageUnavailableError
from concord.domain.tasks import RowKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECT: Final = 0.3
READ: Final = 0.5
ATTEMPTS: Final = 5
MAX_TRANSACTION: Final = 10
MAX_BATCH: Final = 100
_BASE_DELAY: Final = 0.02
_MAX_DELAY: Final = 0.4
_ALL_OLD: Final = "ALL_OLD"
_NAME: Final = re.compile(r"#(\w+)")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give all table requests inside one budget; a budget inside another never widens it."""
    ends = time.monotonic() + seconds
    outer = _deadline.get()
    token = _deadline.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


class Table:
    """The table by name.

    Expressions write attributes as `#name` and values as `:name`. Condition failures come as
    ConditionFailedError or TransactionRefusedError and are never retried here: who decided upon the
    old state decides again.
    """

    def __init__(
        self,
        name: str,
        client: DynamoDBClient | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.name = name
        self._given = client
        self._sleep = sleep
        self._rng = rng or random.Random()

    @property
    def client(self) -> DynamoDBClient:
        """Return the client, built when it is first needed."""
        if self._given is None:
            self._given = new_client("dynamodb", connect=CONNECT, read=READ)
        return self._given

    # --- single items ------------------------------------------------------------------------

    def get(self, key: RowKey) -> Item | None:
        """Read one item strongly."""
        answer = self._call("get_item", TableName=self.name, Key=_key(key), ConsistentRead=True)
        stored = answer.get("Item")
        return from_item(stored) if stored else None

    def put(
        self, key: RowKey, item: Mapping[str, Any], condition: str = "", **values: object
    ) -> None:
        """Put one item. Raises ConditionFailedError with what is stored."""
        action = put(key, item, condition, **values)["Put"]
        self._call("put_item", **self._named(action))

    def update(self, key: RowKey, expression: str, condition: str = "", **values: object) -> Item:
        """Update one item and return all of it. Raises ConditionFailedError."""
        action = update(key, expression, condition, **values)["Update"]
        answer = self._call("update_item", ReturnValues="ALL_NEW", **self._named(action))
        return from_item(answer["Attributes"])

    def delete(self, key: RowKey, condition: str = "", **values: object) -> None:
        """Delete one item. Raises ConditionFailedError."""
        action = delete(key, condition, **values)["Delete"]
        self._call("delete_item", **self._named(action))

    def write(self, action: Mapping[str, Any]) -> None:
        """Make one write that could stand in a transaction. Raises ConditionFailedError."""
        ((verb, body),) = action.items()
        self._call(f"{verb.lower()}_item", **self._named(body))

    # --- many items --------------------------------------------------------------------------

    def transact(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Write all or nothing. Raises TransactionRefusedError.

        One client token for all attempts: a write whose answer was lost is not made twice.
        """
        if len(actions) > MAX_TRANSACTION:
            raise ValueError(f"{len(actions)} items: a transaction has at most {MAX_TRANSACTION}")
        items = [{verb: self._named(body) for verb, body in action.items()} for action in actions]
        self._call("transact_write_items", TransactItems=items, ClientRequestToken=uuid.uuid4().hex)

    def get_many(self, keys: Sequence[RowKey]) -> dict[RowKey, Item]:
        """Read items strongly, a hundred a request; who is not there is left out.

        What a request left unread is asked for again. Raises StorageUnavailableError.
        """
        found: dict[RowKey, Item] = {}
        for part in batched(dict.fromkeys(keys), MAX_BATCH, strict=False):
            left: list[Any] = [_key(key) for key in part]
            for attempt in range(ATTEMPTS):
                if attempt:
                    self._sleep(self._delay(attempt))
                request = {self.name: {"Keys": left, "ConsistentRead": True}}
                answer = self._call("batch_get_item", RequestItems=request)
                for stored in answer["Responses"].get(self.name, []):
                    item = from_item(stored)
                    found[RowKey(item["pk"], item["sk"])] = item
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not left:
                    break
            else:
                raise StorageUnavailableError("the table did not read all that was asked for")
        return found

    def query(
        self,
        condition: str,
        *,
        index: str | None = None,
        newest_first: bool = False,
        keys_only: bool = False,
        attributes: Sequence[str] = (),
        consistent: bool = True,
        **values: object,
    ) -> Iterator[Item]:
        """Yield the items of one partition, page by page; strongly unless from the index, or where
        a moment's delay is as good (`consistent` False: half the units). `attributes` are all that
        is wanted of each item; none = everything."""
        shown = ("pk", "sk") if keys_only else attributes
        projection = ", ".join(f"#{name}" for name in shown)
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ScanIndexForward": not newest_first,
            **_expression_parts(f"{condition} {projection}", values),
            **({"IndexName": index} if index else {"ConsistentRead": consistent}),
            **({"ProjectionExpression": projection} if projection else {}),
        }
        while True:
            answer = self._call("query", **request)
            for stored in answer["Items"]:
                yield from_item(stored)
            if not (last := answer.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = last

    def scan(
        self, condition: str, *, limit: int, after: RowKey | None, **values: object
    ) -> tuple[list[RowKey], RowKey | None]:
        """Look at the next `limit` items of the whole table, eventually consistent; return the keys
        of those that fit, and behind which item the next request begins (None = all were seen).

        For exports that an operator asks for, and for nothing else: it costs what the table holds.
        """
        answer = self._call(
            "scan",
            TableName=self.name,
            FilterExpression=condition,
            ProjectionExpression="#pk, #sk",
            Limit=limit,
            **_expression_parts(f"{condition} #pk #sk", values),
            **({"ExclusiveStartKey": _key(after)} if after else {}),
        )
        last = answer.get("LastEvaluatedKey")
        return [_row_key(item) for item in answer["Items"]], _row_key(last) if last else None

    def count(
        self, condition: str, *, limit: int, after: RowKey | None, **values: object
    ) -> tuple[int, RowKey | None]:
        """Count what fits among the next `limit` items of the whole table, eventually consistent,
        and return behind which item the next request begins. As `scan`, for exports alone."""
        answer = self._call(
            "scan",
            TableName=self.name,
            FilterExpression=condition,
            Select="COUNT",
            Limit=limit,
            **_expression_parts(condition, values),
            **({"ExclusiveStartKey": _key(after)} if after else {}),
        )
        last = answer.get("LastEvaluatedKey")
        return answer["Count"], _row_key(last) if last else None

    # --- the one retry layer -----------------------------------------------------------------

    def _named(self, action: Mapping[str, Any]) -> dict[str, Any]:
        return {"TableName": self.name, **action}

    def _call(self, operation: str, **request: Any) -> Any:
        """Make a request; again (jitter) after a conflict, throttling or a fault, while time lasts.

        The first attempt needs room for one answer on an open connection, any other for a whole
        attempt with a new connection: a budget is never overdrawn by more than that connect.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        from concord.adapters.dynamodb.translate import judge

        answer_lost = False
        for attempt in range(1, ATTEMPTS + 1):
            if attempt == 1 and _left() < READ:
                raise StorageUnavailableError("the time budget is used up")
            try:
                return getattr(self.client, operation)(**request)
            except (ClientError, BotoCoreError) as error:
                verdict = judge(error, answer_lost=answer_lost)
                delay = self._delay(attempt)
                last = attempt == ATTEMPTS or _left() < delay + CONNECT + READ
                if not verdict.again or last:
                    # Never chained: the SDK's error can hold the stored item.
                    raise verdict.error from None
                answer_lost = answer_lost or verdict.answer_lost
                self._sleep(delay)
        raise AssertionError("unreachable")

    def _delay(self, attempt: int) -> float:
        return self._rng.uniform(0, min(_MAX_DELAY, _BASE_DELAY * 2**attempt))


def _left() -> float:
    deadline = _deadline.get()
    return float("inf") if deadline is None else deadline - time.monotonic()


# --- actions: the items of a transaction -----------------------------------------------------


def put(
    key: RowKey, item: Mapping[str, Any], condition: str = "", **values: object
) -> dict[str, Any]:
    """Return a put of a whole item."""
    return {"Put": {"Item": _key(key) | to_item(item), **_condition(condition, values)}}


def update(key: RowKey, expression: str, condition: str = "", **values: object) -> dict[str, Any]:
    """Return an update of some attributes."""
    parts = _condition(condition, values, expression)
    return {"Update": {"Key": _key(key), "UpdateExpression": expression, **parts}}


def delete(key: RowKey, condition: str = "", **values: object) -> dict[str, Any]:
    """Return a delete of an item."""
    return {"Delete": {"Key": _key(key), **_condition(condition, values)}}


def check(key: RowKey, condition: str, **values: object) -> dict[str, Any]:
    """Return the condition that an item is as it was read; it writes nothing there."""
    return {"ConditionCheck": {"Key": _key(key), **_condition(condition, values)}}


def _key(key: RowKey) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _row_key(stored: Mapping[str, Any]) -> RowKey:
    return RowKey(stored["pk"]["S"], stored["sk"]["S"])


def _condition(
    condition: str, values: Mapping[str, object], expression: str = ""
) -> dict[str, Any]:
    parts = _expression_parts(f"{expression} {condition}", values)
    if condition:
        parts["ConditionExpression"] = condition
        parts["ReturnValuesOnConditionCheckFailure"] = _ALL_OLD
    return parts


def _expression_parts(text: str, values: Mapping[str, object]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if names := set(_NAME.findall(text)):
        parts["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(names)}
    if values:
        parts["ExpressionAttributeValues"] = {f":{n}": to_wire(v) for n, v in values.items()}
    return parts
