"""Starts the functions once, so that nobody's first text meets a cold one.

They get real events that lead nowhere: a request that is refused, a row that does not exist.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.stack.deploy import Deployed, Endpoints, client
from sandbox.stack.identities import Credentials as Operator
from sandbox.stack.layout import REGION
from sandbox.stack.processes import answers

_PATIENCE: Final = 30.0
_NOBODY: Final = "nobody.00000000"
_ROW: Final = {"pk": f"TU#nobody#push_consent#{_NOBODY}#none", "sk": "TASK"}
_REQUEST: Final = {
    "kind": "webhook",
    "connection_id": _NOBODY,
    "verified": False,
    "platform": "text_em_all",
    "topic": "",
    "credential_hash": "",
    "request": {
        "method": "POST",
        "headers": {},
        "body": "",
        "received_at": "2026-01-01T00:00:00Z",
        "url": "",
        "query": [],
        "source_ip": "127.0.0.1",
    },
}


def warm(endpoints: Endpoints, deployed: Deployed, operator: Operator) -> None:
    """Start the functions that answer somebody and those that a text passes through."""
    paths = (f"/webhooks/text_em_all/{_NOBODY}/none", f"/connect/{_NOBODY}/consents/sms/none")
    lambdas = client("lambda", endpoints.emulator)
    with ThreadPoolExecutor() as pool:
        for path in paths:
            pool.submit(answers, f"{deployed.api_url}{path}", _PATIENCE)
        pool.submit(_ask_admin, f"{deployed.api_url}/v1/health", operator)
        for function, event in events().items():
            payload = json.dumps(event).encode()
            pool.submit(lambdas.invoke, FunctionName=deployed.functions[function], Payload=payload)


def events() -> dict[str, dict[str, Any]]:
    """Return an event for each function that no caller can reach."""
    keys = {name: {"S": value} for name, value in _ROW.items()}
    inserted = {"eventName": "INSERT", "dynamodb": {"Keys": keys, "SequenceNumber": "1"}}
    return {
        "SyncRelay": {"Records": [inserted]},
        "SyncRunTask": {"Records": [_message(_ROW)]},
        "WebhookRescue": {"Records": [_message(_REQUEST)]},
    }


def _message(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": "warm",
        "receiptHandle": "warm",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1767225600000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def _ask_admin(url: str, operator: Operator) -> None:
    request = AWSRequest("GET", url)
    key = Credentials(operator.access_key_id, operator.secret_access_key)
    SigV4Auth(key, "execute-api", REGION).add_auth(request)
    answers(url, _PATIENCE, dict(request.headers))
