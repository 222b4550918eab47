"""Orders as the shop tells of them, and their refunds: what points follow from."""

from aws_lambda_powertools.event_handler.api_gateway import Response

from concord.bootstrap import services
from concord.entrypoint.http import bearer, received, respond, routes, unquoted
from concord.entrypoint.observability import TELEMETRY

router = routes()


@router.post("/connect/<connection_id>/orders")
def take_order(connection_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    return respond(services(TELEMETRY).take_order(connection_id, key, request))


@router.post("/connect/<connection_id>/orders/<order_id>/refunds")
def take_refund(connection_id: str, order_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    order = unquoted(order_id)
    return respond(services(TELEMETRY).take_refund(connection_id, key, order, request))
