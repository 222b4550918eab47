"""Events as the sources send them, for the tests of the edges."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext


class Context(LambdaContext):
    """What a function reads of Lambda's context."""

    def __init__(self, request_id: str = "8f2f2c5e-3f4b-4c1d-9a52-0d5a6a1f7a10") -> None:
        self._aws_request_id = request_id


def api_event(
    method: str,
    path: str,
    body: str | bytes | None = None,
    headers: dict[str, str] | None = None,
    /,
    *,
    query: str = "",
    encoded: bool = True,
    **context: Any,
) -> dict[str, Any]:
    """Return a REST API proxy event; bodies are base64, as BinaryMediaTypes */* makes them."""
    raw = body.encode() if isinstance(body, str) else body
    several: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        several.setdefault(name, []).append(value)
    own = {"Host": "evil.example", **(headers or {})}
    text = None
    if raw is not None:
        text = base64.b64encode(raw).decode() if encoded else raw.decode()
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": own,
        "multiValueHeaders": {name: [value] for name, value in own.items()},
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": None,
        "requestContext": {
            "stage": "prod",
            "apiId": "a1b2c3d4e5",
            "path": f"/prod{path}",
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "requestId": "2f0e7d1c-7a55-4b8e-8f1a-3b7a9d1c0e22",
            "requestTimeEpoch": 1,
            "identity": {"sourceIp": "198.51.100.7"},
            **context,
        },
        "body": text,
        "isBase64Encoded": raw is not None and encoded,
    }


def sqs_event(*bodies: object, receives: int = 1) -> dict[str, Any]:
    """Return an SQS event with messages m0, m1, ...; a str body goes in as it is."""
    return {
        "Records": [
            {
                "messageId": f"m{n}",
                "receiptHandle": "handle",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": "1767225600000",
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
                "awsRegion": "eu-west-1",
            }
            for n, body in enumerate(bodies)
        ]
    }


def stream_record(pk: str, sk: str, name: str = "INSERT", sequence: str = "111") -> dict[str, Any]:
    """Return a record of a KEYS_ONLY stream."""
    keys = {"pk": {"S": pk}, "sk": {"S": sk}}
    return {"eventName": name, "dynamodb": {"Keys": keys, "SequenceNumber": sequence}}


def problem(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a problem answer, after checking that it is one."""
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/problem+json"]
    body: dict[str, Any] = json.loads(answer["body"])
    assert body["status"] == answer["statusCode"]
    assert body["type"] == "about:blank"
    return body
