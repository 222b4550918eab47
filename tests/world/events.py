"""Builds the events that AWS hands to our functions."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

STAGE = "test"
API_ID = "abc123"
BASE_URL = f"https://{API_ID}.execute-api.us-east-1.amazonaws.com/{STAGE}"


class LambdaContext:
    """What the runtime passes beside the event."""

    function_name = "test"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"
    memory_limit_in_mb = 512
    aws_request_id = "11111111-1111-1111-1111-111111111111"
    log_group_name = "/aws/lambda/test"
    log_stream_name = "test"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def api_event(
    method: str,
    path: str,
    *,
    body: bytes | str | Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    user_arn: str = "arn:aws:iam::123456789012:role/ConcordOperator",
) -> dict[str, Any]:
    """Return a REST proxy event; the body is base64, as `BinaryMediaTypes: */*` makes it."""
    parts = urlsplit(path)
    if isinstance(body, Mapping):
        raw = json.dumps(body).encode()
    else:
        raw = body.encode() if isinstance(body, str) else (body or b"")
    sent = {"Content-Type": "application/json", **(headers or {})}
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return {
        "resource": "/{proxy+}",
        "path": parts.path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "apiId": API_ID,
            "stage": STAGE,
            "path": f"/{STAGE}{parts.path}",
            "domainName": f"{API_ID}.execute-api.us-east-1.amazonaws.com",
            "httpMethod": method,
            "requestId": "r-1",
            "resourcePath": "/{proxy+}",
            "identity": {"sourceIp": "192.0.2.1", "userArn": user_arn},
        },
        "body": base64.b64encode(raw).decode() if raw else None,
        "isBase64Encoded": bool(raw),
    }


def sqs_event(bodies: Sequence[Mapping[str, Any]], receive_count: int = 1) -> dict[str, Any]:
    """Return an SQS event; message ids are their positions."""
    sent = str(int(datetime.now(UTC).timestamp() * 1000))
    return {
        "Records": [
            {
                "messageId": f"m-{n}",
                "receiptHandle": f"r-{n}",
                "body": json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": str(receive_count),
                    "SentTimestamp": sent,
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
                "awsRegion": "us-east-1",
            }
            for n, body in enumerate(bodies)
        ]
    }


def schedule_event(at: datetime) -> dict[str, Any]:
    """Return what an EventBridge schedule sends."""
    return {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {},
    }
