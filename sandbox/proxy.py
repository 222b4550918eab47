"""The fault proxy between the functions and the AWS emulator: raw in, raw out.

Nothing a signature covers is changed (method, path, query, headers with Host, body), so SigV4
stays valid at the emulator.
"""

import asyncio
import json
import re
import uuid
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from sandbox.drop import drop
from sandbox.faults import Fault, FaultBook
from sandbox.recorder import read_body

_SCOPE = re.compile(rb"Credential=[^/,\s]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_NAMESPACES = {"dynamodb": "com.amazonaws.dynamodb.v20120810", "sqs": "com.amazonaws.sqs"}
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"}
)
_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256, keepalive_expiry=5.0)
_TIMEOUT = httpx.Timeout(60.0, connect=10.0).as_dict()
_DEFAULT_CODES = {
    "dynamodb": {500: "InternalServerError", 503: "ServiceUnavailable"},
    "sqs": {500: "InternalError", 503: "ServiceUnavailable"},
}


class FaultProxy:
    """ASGI application that forwards to `upstream` unless a fault says otherwise."""

    def __init__(
        self,
        upstream: str,
        faults: FaultBook,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._upstream = httpx.URL(upstream)
        self._faults = faults
        self._transport = transport or httpx.AsyncHTTPTransport(limits=_LIMITS, retries=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        service, operation = _addressed(scope)
        fault = self._faults.take(service, scope["method"], [operation]) if service else None
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        if fault is not None and fault.status is not None:
            if fault.status == 0 or fault.lose_answer:
                await drop(receive, send)
            else:
                await _answer_fault(fault, operation, body, send)
            return
        lost = fault is not None and fault.lose_answer
        if not await self._forward(scope, body, send, lost=lost):
            await drop(receive, send)

    async def close(self) -> None:
        await self._transport.aclose()

    async def _forward(self, scope: Scope, body: bytes, send: Send, *, lost: bool) -> bool:
        """Pass a request on and stream its answer; False means there is no answer to give."""
        request = self._request(scope, body)
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError:
            return False
        try:
            if lost:
                await response.aread()
                return False
            await _stream(response, send)
        except httpx.TransportError:
            return False
        finally:
            await response.aclose()
        return True

    def _request(self, scope: Scope, body: bytes) -> httpx.Request:
        target: bytes = scope["raw_path"]
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in _HOP_BY_HOP]
        return httpx.Request(
            scope["method"],
            self._upstream.copy_with(raw_path=target),
            headers=headers,
            content=body,
            extensions={"timeout": _TIMEOUT},
        )


async def _stream(response: httpx.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.lower() not in _HOP_BY_HOP
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _addressed(scope: Scope) -> tuple[str, str]:
    """Return the service of the credential scope and the operation of X-Amz-Target."""
    service = operation = ""
    for name, value in scope["headers"]:
        if name == b"authorization" and (found := _SCOPE.search(value)):
            service = found[1].decode("latin-1")
        elif name == b"x-amz-target":
            operation = value.decode("latin-1").rpartition(".")[2]
    return service, operation


async def _answer_fault(fault: Fault, operation: str, body: bytes, send: Send) -> None:
    """Answer as the service itself would fail."""
    content = json.dumps(_error_body(fault, operation, body)).encode()
    headers = [
        (b"content-type", b"application/x-amz-json-1.0"),
        (b"content-length", str(len(content)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
    ]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _error_body(fault: Fault, operation: str, body: bytes) -> dict[str, Any]:
    status = fault.status or 500
    default = _DEFAULT_CODES[fault.platform].get(status)
    code = str(
        fault.code or default or ("InternalServerError" if status >= 500 else "ThrottlingException")
    )
    namespace = _NAMESPACES[fault.platform]
    if code == "TransactionConflict":
        if operation == "TransactWriteItems":
            return _cancellation(namespace, body)
        code = "TransactionConflictException"
    return {"__type": f"{namespace}#{code}", "message": "Ordered by the sandbox"}


def _cancellation(namespace: str, body: bytes) -> dict[str, Any]:
    """Return a cancelled transaction whose first item met another transaction."""
    items = json.loads(body).get("TransactItems", [])
    conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    reasons = [conflict, *({"Code": "None"} for _ in items[1:])]
    codes = ", ".join(reason["Code"] for reason in reasons)
    return {
        "__type": f"{namespace}#TransactionCanceledException",
        "message": "Transaction cancelled, please refer cancellation reasons for specific "
        f"reasons [{codes}]",
        "CancellationReasons": reasons,
    }
