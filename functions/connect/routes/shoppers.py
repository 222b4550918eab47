"""Shoppers as the shop knows them: save one, remove one."""

from aws_lambda_powertools.event_handler.api_gateway import Response

from concord.bootstrap import services
from concord.entrypoint.http import bearer, received, respond, routes, unquoted
from concord.entrypoint.observability import TELEMETRY

router = routes()


@router.put("/connect/<connection_id>/shoppers/<shopper_id>")
def save_shopper(connection_id: str, shopper_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    shopper = unquoted(shopper_id)
    return respond(services(TELEMETRY).save_shopper(connection_id, key, shopper, request))


@router.delete("/connect/<connection_id>/shoppers/<shopper_id>")
def remove_shopper(connection_id: str, shopper_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    shopper = unquoted(shopper_id)
    return respond(services(TELEMETRY).remove_shopper(connection_id, key, shopper, request))
