"""A bare Lambda function as a tutorial has it: Logger, REST resolver, pydantic model, boto3 client.

It decides nothing: it reads the item that ours reads and writes the items that ours writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from pydantic import BaseModel, Field

logger = Logger()
app = APIGatewayRestResolver()
dynamodb = boto3.client("dynamodb")
_calls: dict[str, Mapping[str, Any]] = {}


class Inbound(BaseModel):
    """An inbound text."""

    type: str
    id: str
    sender: str = Field(alias="from")
    to: str
    text: str
    at: str


@app.post("/webhooks/<platform>/<connection_id>/<token>")
def receive(platform: str, connection_id: str, token: str) -> Response[str]:
    inbound = Inbound.model_validate_json(app.current_event.decoded_body or "")
    dynamodb.get_item(**_calls["GetItem"])
    dynamodb.transact_write_items(**_calls["TransactWriteItems"])
    logger.info("received", extra={"type": inbound.type})
    return Response(204)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)


def make_handler(calls: Mapping[str, Mapping[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return the handler, told which two calls to make."""
    _calls.update(calls)
    return lambda_handler
