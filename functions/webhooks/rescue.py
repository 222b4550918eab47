"""Safety queue: requests that could not be stored, ingested once the table is back."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from concord.bootstrap import services
from concord.domain.times import from_rfc3339
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.sqs import SqsMessage, queued_at, sqs_function


def rescue(message: SqsMessage) -> None:
    services(TELEMETRY).rescue_request(
        message.body, message.receive_count, message.receipt, message.sent_at
    )


def received_at(message: SqsMessage) -> datetime:
    """Return when the request came: its message may be a renewed one, or a redriven one."""
    with suppress(KeyError, TypeError, ValueError):
        return from_rfc3339(message.body["request"]["received_at"])
    return queued_at(message)


_run = sqs_function(rescue, received_at)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
