"""One HTTP exchange with a platform, and what its outcome means to the caller (style.md, F)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from pydantic import BaseModel, ValidationError

from concord.domain.errors import (
    CredentialsRejectedError,
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    ThrottledError,
)

type Refusal = Callable[[int, Mapping[str, Any]], PlatformError | None]
"""Reads their error body; None = their table does not know it, so the status decides."""

MAX_RETRY_AFTER: Final = 24 * 3600.0
_WORDS: Final = 200
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SCRUBBED: Final = (
    (re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "[url]"),
    (re.compile(r"\S+@\S+"), "[address]"),
    (re.compile(r"(?=\S*\d)[A-Za-z0-9_+/=-]{20,}"), "[token]"),
    (re.compile(r"\+?\(?\d(?:[\s().-]*\d){5,}"), "[number]"),
)


def exchange(
    client: httpx.Client,
    method: str,
    path: str,
    *,
    sends: bool = False,
    refusal: Refusal = lambda status, body: None,
    **request: Any,
) -> httpx.Response:
    """Make one request and return its 2xx answer; raise a PlatformError for everything else.

    `sends` says that doing it twice is harm: then an answer that never came, or a 5xx that does
    not rule out that it happened, is OutcomeUnknownError. Otherwise both are RetryableError.
    """
    try:
        answer = client.request(method, path, **request)
    except _NOT_SENT as error:
        raise RetryableError(f"not connected ({type(error).__name__})") from None
    except (httpx.LocalProtocolError, httpx.InvalidURL, ValueError):
        # A header or path that cannot be spelled, so nothing was sent; their message quotes it.
        raise PermanentError("the request could not be built", reason="invalid_request") from None
    except httpx.RequestError as error:
        raise _lost(type(error).__name__, sends=sends) from None
    if answer.is_success:
        return answer
    raise failure(answer, sends=sends, refusal=refusal)


def failure(answer: httpx.Response, *, sends: bool, refusal: Refusal) -> PlatformError:
    """Return the error that a non-2xx answer stands for."""
    status, body = answer.status_code, json_object(answer)
    if status >= 500:
        return _server_failure(answer, sends=sends, spoke=bool(body))
    if status == 429:
        return ThrottledError("too many requests", retry_after=retry_after(answer.headers))
    if status in (401, 403):
        return CredentialsRejectedError(f"the credentials were rejected ({status})")
    known = refusal(status, body)
    if isinstance(known, ThrottledError) and known.retry_after is None:
        known.retry_after = retry_after(answer.headers)
    if known is not None:
        return known
    if status in (408, 425):
        return RetryableError(f"the request was not taken ({status})")
    if answer.has_redirect_location:
        return PermanentError("a redirect is never followed", reason="redirected")
    return PermanentError(f"status {status}: {words(body)}", reason="refused")


def _server_failure(answer: httpx.Response, *, sends: bool, spoke: bool) -> PlatformError:
    status = answer.status_code
    wait = retry_after(answer.headers)
    # 503 with the platform's own body, or with Retry-After, says "not now" before the work. A bare
    # one comes from a proxy, which also uses it for an upstream that took too long: unknown.
    if status == 503 and (spoke or wait is not None):
        return ThrottledError("unavailable", retry_after=wait) if wait else RetryableError("503")
    if sends:
        return OutcomeUnknownError(f"status {status} after the request was sent")
    if wait is not None:
        return ThrottledError(f"status {status}", retry_after=wait)
    return RetryableError(f"status {status}")


def _lost(name: str, *, sends: bool) -> PlatformError:
    if sends:
        return OutcomeUnknownError(f"no answer ({name})")
    return RetryableError(f"no answer ({name})")


def read[M: BaseModel](answer: httpx.Response, model: type[M], *, sends: bool = False) -> M:
    """Return a 2xx answer as `model`; one that cannot be read counts as lost.

    No validation message is passed on: it quotes what they sent.
    """
    try:
        return model.model_validate_json(answer.content)
    except (ValidationError, ValueError):
        raise _lost("the answer could not be read", sends=sends) from None


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return Retry-After in seconds (it may be a number or a date), None when it says nothing."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(float(value), MAX_RETRY_AFTER)
    at = _http_date(value)
    if at is None:
        return None
    # Their own clock wrote the date, so their own clock says how far away it is.
    base = now or _http_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max((at - base).total_seconds(), 0.0), MAX_RETRY_AFTER)


def words(body: Mapping[str, Any]) -> str:
    """Return the platform's own words, without numbers, addresses, URLs and tokens."""
    for name in ("message", "Message", "description", "error", "detail", "title"):
        if isinstance(body.get(name), str) and body[name]:
            return scrub(body[name])
    return "no words"


def scrub(text: str) -> str:
    """Return a text that may stand in a log line: at most 200 characters, nothing personal."""
    for pattern, mark in _SCRUBBED:
        text = pattern.sub(mark, text[: 4 * _WORDS])
    return "".join(char if char.isprintable() else " " for char in text)[:_WORDS]


def json_object(answer: httpx.Response) -> Mapping[str, Any]:
    """Return the answer's JSON object, an empty one when it is anything else."""
    try:
        data = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _http_date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
