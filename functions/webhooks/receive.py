"""POST /webhooks/{platform}/{connection_id}/{token}[/{topic}]: verify, translate, apply, answer."""

from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Response

from concord.bootstrap import public_base_url, services, warm_up
from concord.entrypoint.http import http_api, received, respond
from concord.entrypoint.observability import TELEMETRY, observed

api = http_api(public_base_url=public_base_url)
warm_up(TELEMETRY, lambda parts: parts.ingest)


@api.post("/webhooks/<platform>/<connection_id>/<token>")
def receive(platform: str, connection_id: str, token: str) -> Response[str]:
    return receive_topic(platform, connection_id, token, "")


@api.post("/webhooks/<platform>/<connection_id>/<token>/<topic>")
def receive_topic(platform: str, connection_id: str, token: str, topic: str) -> Response[str]:
    request = received(api)
    answer = services(TELEMETRY).ingest_webhook(platform, connection_id, token, topic, request)
    return respond(answer)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return api.resolve(event, context)
