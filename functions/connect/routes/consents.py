"""Consent of one point: record it, read it."""

from aws_lambda_powertools.event_handler.api_gateway import Response

from concord.bootstrap import services
from concord.domain.events import ApiAnswer
from concord.domain.times import to_rfc3339
from concord.entrypoint.http import bearer, received, respond, routes, unquoted
from concord.entrypoint.observability import TELEMETRY

router = routes()


@router.post("/connect/<connection_id>/consents")
def record_consent(connection_id: str) -> Response[str]:
    key, request = bearer(router.current_event), received(router)
    now = services(TELEMETRY).record_consent(connection_id, key, request)
    body = {"state": now.state, "basis": now.basis, "point": now.point}
    return respond(ApiAnswer(200, {**body, "consent_event_id": now.evidence_id}))


@router.get("/connect/<connection_id>/consents/<channel>/<point>")
def read_consent(connection_id: str, channel: str, point: str) -> Response[str]:
    key = bearer(router.current_event)
    now = services(TELEMETRY).read_consent(connection_id, key, channel, unquoted(point))
    body = {"state": now.state, "basis": now.basis, "point": now.point}
    since = {"updated_at": to_rfc3339(now.updated_at)} if now.updated_at else {}
    return respond(ApiAnswer(200, {**body, **since}))
