"""Consent of one point: record it, read it."""

from aws_lambda_powertools.event_handler.api_gateway import Response

from concord.bootstrap import services
from concord.entrypoint.http import bearer, raw_request, respond, routes, unquoted
from concord.entrypoint.observability import TELEMETRY

router = routes()


@router.post("/connect/<connection_id>/consents")
def record_consent(connection_id: str) -> Response[str]:
    key, request = bearer(router.current_event), raw_request(router.current_event)
    return respond(services(TELEMETRY).record_consent(connection_id, key, request))


@router.get("/connect/<connection_id>/consents/<channel>/<point>")
def read_consent(connection_id: str, channel: str, point: str) -> Response[str]:
    key = bearer(router.current_event)
    return respond(services(TELEMETRY).read_consent(connection_id, key, channel, unquoted(point)))
