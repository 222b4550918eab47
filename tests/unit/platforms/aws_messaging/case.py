"""AWS End User Messaging for the conformance suite: the real boto3 client, a fake network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from concord.domain.events import ParsedWebhook, RawRequest
from concord.domain.outbound import Endpoint
from concord.platforms.aws_messaging.client import SERVICE, AwsTextSender
from concord.platforms.aws_messaging.webhook import parse
from concord.platforms.checked import read_object
from tests.unit.platforms.kit import Answer, PlatformCase

_URL: Final = "https://sms.example.com/"
_LOST: Final = {
    "refused": lambda: EndpointConnectionError(endpoint_url=_URL),
    "connect_timeout": lambda: ConnectTimeoutError(endpoint_url=_URL),
    "read_timeout": lambda: ReadTimeoutError(endpoint_url=_URL),
    "reset": lambda: ConnectionClosedError(endpoint_url=_URL),
    "closed": lambda: ConnectionClosedError(endpoint_url=_URL),
}


class _Body:
    """Stands in for urllib3's response body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def sender(
    answer: Answer, seen: list[Mapping[str, Any]] | None = None, **settings: object
) -> AwsTextSender:
    """Return a sender whose botocore client gets this answer instead of the network's."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    client = boto3.client(SERVICE, region_name="us-east-1", config=config)

    def before_send(request: AWSRequest, **_: object) -> AWSResponse:
        if seen is not None:
            seen.append(json.loads(request.body))
        if answer.lost:
            raise _LOST[answer.lost]()
        return AWSResponse(_URL, answer.status, dict(answer.headers), _Body(answer.body))

    client.meta.events.register(f"before-send.{SERVICE}.*", before_send)
    return AwsTextSender(Endpoint("aws-1", "", settings, {}), client)


def _parse(request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook:
    return parse(read_object(request.body), settings)


CASE: Final = PlatformCase(
    name="aws",
    parse=_parse,
    sender=sender,
    accepted=b'{"MessageId":"862a8790-60c0-4430-9b2b-658bd0000001"}',
    message_id="862a8790-60c0-4430-9b2b-658bd0000001",
    refused=b'{"__type":"ValidationException","Message":"No.","Reason":"OTHER"}',
)
