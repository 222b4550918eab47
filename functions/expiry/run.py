"""Night queue: a part of one merchant's night; the message is the row's key."""

from collections.abc import Mapping
from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.sqs import SqsMessage, row_key, sqs_function


def run(message: SqsMessage) -> None:
    services(TELEMETRY).run_night(row_key(message.body), message.receive_count)


_run = sqs_function(run)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
