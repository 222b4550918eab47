"""What came in over the admin API, before a route looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.events import RawRequest


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

    def fingerprint(self) -> str:
        """Return the hash of all that decides what a call does: a dry run is not the real one."""
        said = [self.headers.get(name, "") for name in ("content-type", "x-attestation")]
        parts = [self.method, self.path, self.query, *said, sha256_hex(self.body)]
        return sha256_hex(canonical(parts))

    def request_hash(self) -> str:
        """Return what a call has in common with its repeats alone; "" without Idempotency-Key."""
        key = self.headers.get("idempotency-key")
        return sha256_hex(canonical([key, self.fingerprint()])) if key else ""


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


def call_of(event: Mapping[str, Any], request: RawRequest) -> Call:
    """Return `request` with what the gateway's `event` says about the caller."""
    url = request.url.partition("?")[0]
    context = event.get("requestContext") or {}
    path = str(event.get("path", ""))
    return Call(
        method=request.method,
        path=path,
        headers=request.headers,
        query=dict(request.query),
        body=request.body,
        base_url=url.removesuffix(path),
        caller_arn=str((context.get("identity") or {}).get("userArn") or ""),
    )
