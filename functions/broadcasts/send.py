"""Send queue: one chunk of a broadcast per message; the message is only the row's key."""

from collections.abc import Mapping
from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.sqs import SqsMessage, row_key, sqs_function


def send(message: SqsMessage) -> None:
    services(TELEMETRY).run_task(row_key(message.body), message.receive_count)


_run = sqs_function(send)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
