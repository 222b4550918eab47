"""Every error of the domain as RFC 9457 problem details: the one place that knows statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Final

from concord.domain.errors import (
    ConcordError,
    ConflictError,
    CredentialsRejectedError,
    Fallback,
    ForbiddenError,
    InvalidInputError,
    NotConfirmedError,
    NotFoundError,
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    StorageError,
    ThrottledError,
    TooLargeError,
    UnauthorizedError,
)
from concord.domain.events import ApiAnswer
from concord.entrypoint.scrubbing import scrub

PROBLEM_JSON: Final = "application/problem+json"
_STATUS: Final[Mapping[type[ConcordError], HTTPStatus]] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotConfirmedError: HTTPStatus.SERVICE_UNAVAILABLE,
    PlatformError: HTTPStatus.BAD_GATEWAY,
    ThrottledError: HTTPStatus.SERVICE_UNAVAILABLE,
    # Their 401 is not ours: the caller is known, what he gave us for the platform is wrong.
    CredentialsRejectedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    OutcomeUnknownError: HTTPStatus.GATEWAY_TIMEOUT,
}
# Seconds; the gateway's own 503 says the same (template.yaml). Short, because a person waits: a
# repeat is safe by its id, and one that comes after the table is back confirms the opt-out while
# she is still there. What waits in the safety queue goes its own way meanwhile.
RETRY_SOON: Final = 2
_RETRY_PLATFORM: Final = 5
_RETRIED_SOON: Final = (StorageError, NotConfirmedError)
_RESERVED: Final = frozenset({"type", "title", "status", "code", "detail", "errors"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, in the terms of an HTTP answer."""

    status: HTTPStatus
    code: str
    detail: str = ""
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> ApiAnswer:
        """Return it as an answer; the standard members cannot be overwritten by extra ones."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
        }
        if self.detail:
            body["detail"] = self.detail
        return ApiAnswer(self.status.value, {**self.members, **body}, self.headers)


INTERNAL: Final = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "This is our fault, and we were told."
)


def problem_of(error: Exception) -> Problem | None:
    """Return what to answer to an expected failure; None for anything else (a bug)."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    if status is None or not isinstance(error, ConcordError):
        return None
    if isinstance(error, UnauthorizedError):
        # Always the same words: the answer must not say whether id, token or signature was wrong.
        detail = "The token, key or signature is not accepted."
        headers = {"WWW-Authenticate": "Bearer"}
        return Problem(status, UnauthorizedError.code, detail, headers=headers)
    members = {name: value for name, value in error.extra.items() if name not in _RESERVED}
    detail = error.detail
    if isinstance(error, InvalidInputError) and error.errors:
        members["errors"] = [{"field": e.field, "message": e.message} for e in error.errors]
    if isinstance(error, NotConfirmedError):
        members["fallback"] = offered(error.fallback)
    if isinstance(error, PlatformError):
        detail = scrub(detail)  # their words, not ours
    if isinstance(error, PermanentError):
        members["reason"] = error.reason
    return Problem(status, error.code, detail, members, _retry_after(error))


def offered(fallback: Fallback) -> dict[str, object]:
    """Return the member that says how to opt out by text."""
    return {
        "audience": fallback.audience,
        "message": fallback.message,
        "number": fallback.number,
    }


def _retry_after(error: ConcordError) -> Mapping[str, str]:
    if isinstance(error, ThrottledError) and error.retry_after is not None:
        return {"Retry-After": str(max(1, ceil(error.retry_after)))}
    if isinstance(error, RetryableError):
        return {"Retry-After": str(_RETRY_PLATFORM)}
    return {"Retry-After": str(RETRY_SOON)} if isinstance(error, _RETRIED_SOON) else {}
