"""The SQS edge: one call per message, and only what failed comes back to the queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from concord.domain.errors import ConcordError
from concord.domain.metrics import Metric
from concord.domain.tasks import RowKey
from concord.entrypoint.observability import (
    LambdaEvent,
    gauge_of_function,
    log_failure,
    log_unhandled,
)


class MalformedMessageError(ValueError):
    """The message is not what this queue carries. It ends in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message; `sent_at` (UTC) is when the queue took it, `receive_count` starts at 1.

    `receipt` names this one receiving of it to the queue.
    """

    message_id: str
    body: Mapping[str, Any] = field(repr=False)
    receive_count: int
    sent_at: datetime
    receipt: str = field(repr=False, default="")


def queued_at(message: SqsMessage) -> datetime:
    """Return since when a message waits, as far as its queue knows."""
    return message.sent_at


def sqs_function(
    handler: Callable[[SqsMessage], None],
    waits_since: Callable[[SqsMessage], datetime] = queued_at,
) -> Callable[[LambdaEvent, Any], Mapping[str, Any]]:
    """Return a Lambda function that gives `handler` each message; raising keeps that one alone.

    Each failed try reports the age of what it could not do, from `waits_since` on: SQS leaves a
    message that was received three times out of its own age metric.
    """

    def handle(record: SQSRecord) -> None:
        try:
            _try(handler, waits_since, _message(record))
        except Exception as error:
            seen = {"message_id": record.message_id, "receives": _receives(record)}
            if isinstance(error, ConcordError):  # foreseen: it waits for its next try
                log_failure("message_failed", error, **seen)
            else:
                log_unhandled(error, **seen)
            raise

    def run(event: LambdaEvent, context: Any) -> Mapping[str, Any]:
        # Where all of them failed Powertools would raise the exceptions' texts; report them too.
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event, handle, processor, context)

    return run


def sqs_groups(
    handler: Callable[[Sequence[SqsMessage]], None], group_of: Callable[[SqsMessage], str]
) -> Callable[[LambdaEvent, Any], Mapping[str, Any]]:
    """Return a Lambda function that gives `handler` the messages of each group together; raising
    keeps those of that group alone. `group_of` raises MalformedMessageError: that one is kept."""

    def run(event: LambdaEvent, context: Any) -> Mapping[str, Any]:
        groups: dict[str, list[SqsMessage]] = {}
        failed: list[str] = []
        for raw in event.get("Records", []):
            record = SQSRecord(raw)
            try:
                message = _message(record)
                groups.setdefault(group_of(message), []).append(message)
            except Exception as error:
                log_unhandled(error, message_id=record.message_id, receives=_receives(record))
                failed.append(record.message_id)
        for messages in groups.values():
            failed += _try_group(handler, messages)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    return run


def _try_group(
    handler: Callable[[Sequence[SqsMessage]], None], messages: Sequence[SqsMessage]
) -> list[str]:
    """Return the ids of messages that come again: all or none."""
    try:
        handler(messages)
    except Exception as error:
        first = min(message.sent_at for message in messages)
        gauge_of_function(Metric.OLDEST_FAILED_SECONDS, max(0.0, (_now() - first).total_seconds()))
        seen = {"messages": len(messages), "receives": max(m.receive_count for m in messages)}
        if isinstance(error, ConcordError):
            log_failure("messages_failed", error, **seen)
        else:
            log_unhandled(error, **seen)
        return [message.message_id for message in messages]
    return []


def _try(
    handler: Callable[[SqsMessage], None],
    waits_since: Callable[[SqsMessage], datetime],
    message: SqsMessage,
) -> None:
    try:
        handler(message)
    except Exception:
        age = _now() - waits_since(message)
        gauge_of_function(Metric.OLDEST_FAILED_SECONDS, max(0.0, age.total_seconds()))
        raise


def _now() -> datetime:
    return datetime.now(UTC)


def row_key(body: Mapping[str, Any]) -> RowKey:
    """Return the row that a task message points to. Raises MalformedMessageError."""
    pk, sk = body.get("pk"), body.get("sk")
    if not isinstance(pk, str) or not isinstance(sk, str) or not pk or not sk:
        raise MalformedMessageError("a task message must hold pk and sk")
    return RowKey(pk, sk)


def unwrapped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what SNS carries: the body itself with raw delivery, else the envelope's message."""
    if body.get("Type") == "Notification" and isinstance(body.get("Message"), str):
        return _json_object(body["Message"])
    return body


def _message(record: SQSRecord) -> SqsMessage:
    sent = int(record.attributes.sent_timestamp)
    return SqsMessage(
        message_id=record.message_id,
        body=_json_object(record.body),
        receive_count=_receives(record),
        sent_at=datetime.fromtimestamp(sent / 1000, UTC),
        receipt=record.receipt_handle,
    )


def _receives(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise MalformedMessageError("a message must be a JSON object")
    return body
