"""The stream edge: the keys of new rows. Nothing here can block a shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from concord.domain.tasks import RowKey
from concord.entrypoint.observability import LOG, LambdaEvent, log_unhandled


def stream_function(
    handler: Callable[[list[RowKey]], None],
) -> Callable[[LambdaEvent, Any], Mapping[str, Any]]:
    """Return a Lambda function that gives `handler` the keys of all inserted rows at once.

    It never raises: a raising function stops its shard. If the whole batch could not be handed on
    it is reported from its first record, which the mapping tries a bounded number of times; what
    is dropped after that is still an open task, and the sweep finds it.
    """

    def run(event: LambdaEvent, _: Any) -> Mapping[str, Any]:
        try:
            keys = inserted_keys(event)
            if keys:
                handler(keys)
        except Exception as error:
            log_unhandled(error)
            return {"batchItemFailures": _first_record(event)}
        return {"batchItemFailures": []}

    return run


def inserted_keys(event: Mapping[str, Any]) -> list[RowKey]:
    """Return the keys of INSERT records in stream order; a record without them is skipped."""
    keys: list[RowKey] = []
    skipped = 0
    for record in _records(event):
        try:
            if record["eventName"] == "INSERT":
                found = record["dynamodb"]["Keys"]
                keys.append(RowKey(_string(found["pk"]), _string(found["sk"])))
        except (KeyError, TypeError):
            skipped += 1
    if skipped:
        LOG.warning("stream_records_skipped", extra={"fields": {"records": skipped}})
    return keys


def _records(event: Mapping[str, Any]) -> list[Any]:
    records = event.get("Records")
    return records if isinstance(records, list) else []


def _string(attribute: Mapping[str, Any]) -> str:
    value = attribute["S"]
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _first_record(event: Mapping[str, Any]) -> list[dict[str, str]]:
    try:
        return [{"itemIdentifier": str(event["Records"][0]["dynamodb"]["SequenceNumber"])}]
    except (KeyError, TypeError, IndexError):
        return []  # a malformed identifier would repeat the batch for a day
