"""What came in over the admin API, before a route looks at it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from concord.domain.errors import FieldError, InvalidInputError, TooLargeError
from concord.entrypoint.http import raw_request

MAX_BODY: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """What a route may know of a request beyond its typed parameters."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    base_url: str
    caller_arn: str

    def actor(self, named: str | None = None) -> str:
        """Return who did it: the caller's ARN, and the person that the body names, if any."""
        return " for ".join(part for part in (self.caller_arn, named or "") if part)


def is_csv(call: Call) -> bool:
    """Whether the body is a CSV file."""
    return call.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv"


def parsed[M: BaseModel](model: type[M], body: bytes) -> M:
    """Return the JSON body as `model`. Raises InvalidInputError naming every wrong field."""
    try:
        return model.model_validate_json(body)
    except ValidationError as refusal:
        raise invalid(refusal) from None


def validated[M: BaseModel](model: type[M], values: Mapping[str, Any]) -> M:
    """Return query parameters as `model`. Raises InvalidInputError."""
    try:
        return model.model_validate(values)
    except ValidationError as refusal:
        raise invalid(refusal) from None


def invalid(refusal: ValidationError) -> InvalidInputError:
    """Return pydantic's refusal in our shape; what was sent is not repeated."""
    errors = tuple(
        FieldError(".".join(str(part) for part in error["loc"]) or "body", error["msg"])
        for error in refusal.errors(include_url=False, include_context=False, include_input=False)
    )
    return InvalidInputError("The request does not fit its schema.", errors=errors)


def call_of(event: Mapping[str, Any]) -> Call:
    request = raw_request({**event, "body": None})
    url = request.url.partition("?")[0]
    context = event.get("requestContext") or {}
    path = str(event.get("path", ""))
    return Call(
        method=request.method,
        path=path,
        headers=request.headers,
        query=dict(request.query),
        body=_body(event),
        base_url=url.removesuffix(path),
        caller_arn=str((context.get("identity") or {}).get("userArn") or ""),
    )


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if len(text) > 2 * MAX_BODY:
        raise TooLargeError("A body may have 1 MB.")
    try:
        encoded = event.get("isBase64Encoded")
        body = base64.b64decode(text) if encoded else text.encode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        raise InvalidInputError("The body is not what the gateway says it is.") from None
    if len(body) > MAX_BODY:
        raise TooLargeError("A body may have 1 MB.")
    return bytes(body)
