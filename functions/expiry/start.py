"""Every hour: let the invitations lapse that nobody answered, and start the nights that are due."""

from typing import Any

from concord.bootstrap import services
from concord.entrypoint.observability import TELEMETRY, observed
from concord.entrypoint.schedule import as_of, merchant_again


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    merchant_id = merchant_again(event)
    if merchant_id:
        services(TELEMETRY).night_again(merchant_id, as_of(event))
    else:
        services(TELEMETRY).start_expiry(as_of(event))
