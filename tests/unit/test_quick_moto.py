"""The quicker moto answers as moto does."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from moto.dynamodb.models import DynamoDBBackend

from tests.support import quick_moto
from tests.support.tables import schema

type Call = tuple[str, dict[str, Any]]

_TABLE = "quick"
_NAMES = {"#a": "a", "#m": "m", "#due": "due_pk", "#sort": "due_sk"}
_keys = st.builds(
    lambda pk, sk: {"pk": {"S": pk}, "sk": {"S": sk}}, st.sampled_from("pP"), st.sampled_from("abc")
)
_numbers = st.sampled_from(["0", "7", "-1.50", "10"]).map(lambda n: {"N": n})
_words = st.sampled_from(["", "x", "é"]).map(lambda s: {"S": s})
_values = st.recursive(
    _numbers
    | st.binary(min_size=1, max_size=3).map(lambda b: {"B": b})
    | _words
    | st.booleans().map(lambda b: {"BOOL": b})
    | st.just({"NULL": True})
    | st.sets(st.sampled_from("xyz"), min_size=1).map(lambda s: {"SS": sorted(s)})
    | st.sets(st.sampled_from("12"), min_size=1).map(lambda s: {"NS": sorted(s)}),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda v: {"L": v})
        | st.dictionaries(st.sampled_from("mn"), inner, max_size=2).map(lambda v: {"M": v})
    ),
    max_leaves=4,
)
_rows = st.fixed_dictionaries(
    {}, optional={"a": _values, "m": _values, "due_pk": _words, "due_sk": _words}
)
_expressions = st.sampled_from(
    [
        "SET #a = :v",
        "SET #a = #a + :n, #m.x = :v",
        "SET #a = if_not_exists(#a, :n) - :n REMOVE #m",
        "SET #due = :due, #sort = :sort ADD #a :n",
        "SET #m = list_append(#m, :list) REMOVE #a[0], #a[1]",
        "DELETE #a :set",
        "SET #a = :v, #a = :n",
        "SET #a = :v SET #m = :v",
        "SET pk = :due",
        "SET #missing = :v",
    ]
)
_conditions = st.sampled_from(
    [
        "",
        "attribute_not_exists(pk)",
        "attribute_exists(#a) AND NOT #m = :v",
        "#a >= :n OR begins_with(#due, :due)",
        "size(#a) < :n",
    ]
)
_given_values = st.fixed_dictionaries({":v": _values, ":n": _numbers, ":sort": _words}).map(
    lambda values: values | {":due": {"S": "D"}, ":list": {"L": [{"S": "l"}]}, ":set": {"SS": "x"}}
)


def _used(condition: str, values: dict[str, Any], expression: str = "") -> dict[str, Any]:
    text = f"{expression} {condition} "
    parts: dict[str, Any] = {}
    if names := {name: plain for name, plain in _NAMES.items() if name in text}:
        parts["ExpressionAttributeNames"] = names
    if given_values := {name: value for name, value in values.items() if name in text}:
        parts["ExpressionAttributeValues"] = given_values
    if condition:
        parts["ConditionExpression"] = condition
        parts["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return parts


@st.composite
def _actions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    verb = draw(st.sampled_from(["Put", "Update", "Update", "Delete", "ConditionCheck"]))
    key, condition, values = draw(_keys), draw(_conditions), draw(_given_values)
    if verb == "Put":
        return verb, {"Item": key | draw(_rows), **_used(condition, values)}
    if verb == "Update":
        expression = draw(_expressions)
        used = _used(condition, values, expression)
        return verb, {"Key": key, "UpdateExpression": expression, **used}
    if verb == "ConditionCheck":
        condition = condition or "attribute_exists(pk)"
    return verb, {"Key": key, **_used(condition, values)}


@st.composite
def _writes(draw: st.DrawFn) -> Call:
    if draw(st.booleans()):
        actions = draw(st.lists(_actions(), min_size=1, max_size=4))
        items = [{verb: {"TableName": _TABLE, **body}} for verb, body in actions]
        return "transact_write_items", {"TransactItems": items}
    verb, body = draw(_actions().filter(lambda action: action[0] != "ConditionCheck"))
    returned = "ALL_NEW" if verb == "Update" else "ALL_OLD"
    return f"{verb.lower()}_item", {"TableName": _TABLE, "ReturnValues": returned, **body}


@st.composite
def _reads(draw: st.DrawFn) -> Call:
    if draw(st.booleans()):
        return "get_item", {"TableName": _TABLE, "Key": draw(_keys)}
    key, index = draw(st.sampled_from([("pk", {}), ("due_pk", {"IndexName": _index()})]))
    value = {"S": draw(st.sampled_from(["p", "P", "D"]))}
    request = {"KeyConditionExpression": f"{key} = :v", "ExpressionAttributeValues": {":v": value}}
    limit = {"Limit": draw(st.integers(1, 5)), "ScanIndexForward": draw(st.booleans())}
    return "query", {"TableName": _TABLE, **index, **request, **limit}


def _index() -> str:
    return str(schema()["GlobalSecondaryIndexes"][0]["IndexName"])


def _played(client: Any, calls: list[Call]) -> list[Any]:
    """Make a table and all calls; return what each came to, and what is stored at the end."""
    client.create_table(TableName=_TABLE, **schema())
    found = [_answer(client, *call) for call in calls]
    found.append(_answer(client, "scan", {"TableName": _TABLE}))
    client.delete_table(TableName=_TABLE)
    return found


def _answer(client: Any, operation: str, request: dict[str, Any]) -> Any:
    try:
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        answer = dict(error.response)
    except Exception as error:  # moto's own faults on what it cannot do are to be the same, too
        return repr(error)
    answer.pop("ResponseMetadata")
    return answer


def test_every_answer_is_motos_own(dynamodb: Any) -> None:
    """Writes, refused ones, transactions and reads come to the same, with moto as it is."""

    @given(calls=st.lists(_writes() | _reads(), min_size=8, max_size=25))
    @settings(max_examples=40, phases=(Phase.explicit, Phase.generate))
    def comes_to_the_same(calls: list[Call]) -> None:
        assert DynamoDBBackend.update_item.__module__ == quick_moto.__name__
        quick = _played(dynamodb, calls)
        with quick_moto.plain():
            assert DynamoDBBackend.update_item.__module__ != quick_moto.__name__
            assert quick == _played(dynamodb, calls)

    comes_to_the_same()
