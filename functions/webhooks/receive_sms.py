"""Queue of texts that AWS End User Messaging received: the same ingest as a webhook's."""

from collections.abc import Mapping
from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.sqs import SqsMessage, sqs_function, unwrapped

PLATFORM = "aws"  # the queue is subscribed to its topic alone


def receive(message: SqsMessage) -> None:
    # When the queue took it, not now: a retry an hour later is still the same text.
    services(TELEMETRY).ingest_sms(PLATFORM, unwrapped(message.body), message.sent_at)


_run = sqs_function(receive)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
