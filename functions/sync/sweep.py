"""Every five minutes: queue whatever is due and has not moved."""

from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.schedule import as_of


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    services(TELEMETRY).sweep(as_of(event))
