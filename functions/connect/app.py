"""/connect/{connection_id}/...: calls that a POS or web shop makes and waits for."""

from typing import Any

from concord.bootstrap import fallback_number, warm_up
from concord.entrypoint.connect import unconfirmed
from concord.entrypoint.http import http_api
from concord.entrypoint.observability import TELEMETRY, observed
from functions.connect.routes import consents, groups, orders, shoppers

api = http_api(unconfirmed(fallback_number))
api.include_router(consents.router)
api.include_router(shoppers.router)
api.include_router(groups.router)
api.include_router(orders.router)
warm_up(TELEMETRY, lambda parts: parts.record_consent)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return api.resolve(event, context)
