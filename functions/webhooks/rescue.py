"""Safety queue: requests that could not be stored, ingested once the table is back."""

from collections.abc import Mapping
from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.sqs import SqsMessage, sqs_function


def rescue(message: SqsMessage) -> None:
    services(TELEMETRY).rescue_request(message.body, message.receive_count, message.receipt)


_run = sqs_function(rescue)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
