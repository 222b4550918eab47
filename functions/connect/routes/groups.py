"""Groups as the shop names them: save one, delete one."""

from aws_lambda_powertools.event_handler.api_gateway import Response

from concord.bootstrap import services
from concord.entrypoint.http import bearer, received, respond, routes, unquoted
from concord.entrypoint.observability import TELEMETRY

router = routes()


@router.put("/connect/<connection_id>/groups/<group_id>")
def put_group(connection_id: str, group_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    group = unquoted(group_id)
    return respond(services(TELEMETRY).put_group(connection_id, key, group, request))


@router.delete("/connect/<connection_id>/groups/<group_id>")
def delete_group(connection_id: str, group_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    group = unquoted(group_id)
    return respond(services(TELEMETRY).delete_group(connection_id, key, group, request))
