"""Every hour: let the invitations lapse that nobody answered."""

from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.schedule import as_of


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    services(TELEMETRY).start_expiry(as_of(event))
