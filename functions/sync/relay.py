"""Table stream: the keys of new task rows, on to the task queues."""

from collections.abc import Mapping
from typing import Any

from concord.bootstrap import services
from concord.domain.tasks import RowKey
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.stream import stream_function


def relay(keys: list[RowKey]) -> None:
    services(TELEMETRY).relay(keys)


_run = stream_function(relay)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    return _run(event, context)
