"""Receipt queue: what platforms told of a broadcast's texts, merged slice by slice."""

from collections.abc import Mapping, Sequence
from typing import Any

from concord.bootstrap import services
from concord.domain.chunks import slice_reference
from concord.domain.receipts import read_reference
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.sqs import MalformedMessageError, SqsMessage, sqs_groups


def slice_of(message: SqsMessage) -> str:
    """Return the slice that a receipt is about, as one name for all of its receipts."""
    connection_id, ref = message.body.get("connection_id"), message.body.get("reference")
    named = read_reference(ref) if isinstance(ref, str) else None
    if named is None or not isinstance(connection_id, str):
        raise MalformedMessageError("a receipt must name its connection and a slice")
    return f"{connection_id}.{slice_reference(named.key('', ''), named.number)}"


def merge(messages: Sequence[SqsMessage]) -> None:
    services(TELEMETRY).merge_receipts([message.body for message in messages])


_run = sqs_groups(merge, slice_of)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
