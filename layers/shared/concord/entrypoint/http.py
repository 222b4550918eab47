"""The HTTP edge: API Gateway's event in, a typed request to the service, problem details out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from aws_lambda_powertools.event_handler.api_gateway import (
    APIGatewayRestResolver,
    Response,
    Route,
    Router,
)

from concord.domain.errors import InvalidInputError, TooLargeError, UnauthorizedError
from concord.domain.events import ApiAnswer, RawRequest, WebhookAnswer
from concord.domain.limits import MAX_BODY
from concord.entrypoint.observability import log_failure, log_unhandled
from concord.entrypoint.problems import INTERNAL, PROBLEM_JSON, Problem, problem_of

_JSON: Final = "application/json"
# Answers name people; nothing on the way may keep one.
_NO_STORE: Final = {"Cache-Control": "no-store"}
_BASE_URL: Final = "public_base_url"

type AdaptProblem = Callable[[Problem], Problem]


class HttpApi(APIGatewayRestResolver):
    """A resolver that knows its routes, and under which URL the world knows it."""

    def __init__(self, public_base_url: Callable[[], str]) -> None:
        super().__init__()
        self._public_base_url = public_base_url

    def routes(self) -> set[tuple[str, str]]:
        """Return (method, path) of every route, as docs/openapi.json spells them."""
        return {(route.method, _described(route.path)) for route in self._all()}

    def methods_of(self, path: str) -> list[str]:
        """Return the methods that `path` has."""
        return sorted({route.method for route in self._all() if route.rule.match(path)})

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request; its routes read the base URL from their router's context."""
        self.context[_BASE_URL] = self._public_base_url()
        return super().resolve(event, context)

    def _all(self) -> list[Route]:
        # Powertools offers no view of its routes; a test holds these two names.
        return [*self._static_routes, *self._dynamic_routes]


def http_api(
    adapt: AdaptProblem | None = None, *, public_base_url: Callable[[], str] = str
) -> HttpApi:
    """Return a resolver that maps every error to its answer.

    `adapt` may change a server-side problem (5xx) before it is sent: the Connect API puts the way
    to opt out by text into it. `public_base_url` is the base of our own URLs, "" where the
    gateway's own name will do; asked for each request, and not while a function is imported.
    """
    api = HttpApi(public_base_url)

    def answer_problem(problem: Problem) -> Response[str]:
        server_side = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return respond((adapt(problem) if adapt and server_side else problem).answer())

    @api.exception_handler(Exception)  # type: ignore[untyped-decorator]  # Powertools left it so
    def on_error(error: Exception) -> Response[str]:
        problem = problem_of(error)
        if problem is None:
            log_unhandled(error)
            return answer_problem(INTERNAL)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log_failure(problem.code, error)
        return answer_problem(problem)

    @api.not_found
    def on_unknown_route(_: Exception) -> Response[str]:
        methods = api.methods_of(api.current_event.path)
        if methods:
            allow = {"Allow": ", ".join(methods)}
            status = HTTPStatus.METHOD_NOT_ALLOWED
            return answer_problem(Problem(status, "method_not_allowed", headers=allow))
        return answer_problem(Problem(HTTPStatus.NOT_FOUND, "not_found"))

    return api


def routes() -> Router:
    """Return a router for one noun's routes; its `app.py` includes it."""
    return Router()  # type: ignore[no-untyped-call]  # Powertools left it untyped


def respond(answer: WebhookAnswer | ApiAnswer) -> Response[str]:
    """Return what a service answered, as Powertools wants it."""
    if isinstance(answer, WebhookAnswer):
        content_type = answer.content_type if answer.body else None
        return Response(answer.status, content_type, answer.body)
    if answer.body is None:
        return Response(answer.status, None, "", {**_NO_STORE, **answer.headers})
    content_type = PROBLEM_JSON if answer.status >= HTTPStatus.BAD_REQUEST else _JSON
    body = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    return Response(answer.status, content_type, body, {**_NO_STORE, **answer.headers})


def received(router: HttpApi | Router, limit: int = MAX_BODY) -> RawRequest:
    """Return the request that `router` is answering. Raises as `raw_request` does."""
    base_url = str(router.context.get(_BASE_URL, ""))
    return raw_request(router.current_event.raw_event, base_url, limit)


def raw_request(
    event: Mapping[str, Any], public_base_url: str = "", limit: int = MAX_BODY
) -> RawRequest:
    """Return the request as it was received; its URL begins with `public_base_url` if there is one.

    Raises TooLargeError for a body of more than `limit` bytes, InvalidInputError.
    """
    context: Mapping[str, Any] = event.get("requestContext") or {}
    query = _query(event)
    return RawRequest(
        method=str(event.get("httpMethod", "")),
        headers=_headers(event),
        body=body_of(event, limit),
        received_at=_now(),
        url=_public_url(event, context, query, public_base_url),
        query=query,
        source_ip=str((context.get("identity") or {}).get("sourceIp") or ""),
    )


def bearer(event: Mapping[str, Any]) -> str:
    """Return the key of `Authorization: Bearer <key>`. Raises UnauthorizedError."""
    scheme, _, key = _headers(event).get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise UnauthorizedError
    return key.strip()


def unquoted(segment: str) -> str:
    """Return a path segment as it was meant: REST APIs hand on the path still percent-encoded."""
    return unquote(segment)


def _described(path: str) -> str:
    return path.replace("<", "{").replace(">", "}")


def _now() -> datetime:
    return datetime.now(UTC)


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Lower-case names; a repeated header is one list, as RFC 9110 has it."""
    found: dict[str, list[str]] = {}
    for name, values in (event.get("multiValueHeaders") or {}).items():
        found.setdefault(name.lower(), []).extend(str(value) for value in values or ())
    if not found:
        found = {name.lower(): [str(v)] for name, v in (event.get("headers") or {}).items()}
    return {name: ", ".join(values) for name, values in found.items()}


def _query(event: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    several = event.get("multiValueQueryStringParameters")
    if several:
        return tuple((name, str(value)) for name, values in several.items() for value in values)
    one = event.get("queryStringParameters") or {}
    return tuple((name, str(value)) for name, value in one.items())


def body_of(event: Mapping[str, Any], limit: int) -> bytes:
    """Return the bytes that were sent. Raises TooLargeError over `limit`, InvalidInputError."""
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInputError("The body is not what the gateway says it is.") from None
    else:
        body = text.encode("utf-8", "surrogatepass")
    if len(body) > limit:
        raise TooLargeError(f"A body may have {limit // 1024} KB.")
    return body


def _public_url(
    event: Mapping[str, Any],
    context: Mapping[str, Any],
    query: tuple[tuple[str, str], ...],
    base: str,
) -> str:
    """Return the URL that the sender used, query included, because Twilio signs it.

    From `base` (configuration), else from the name that the gateway routed by; never from the Host
    header, which the sender chooses. Empty when neither is known (an emulator without a base).
    """
    path = str(event.get("path", ""))
    stage, api_id = str(context.get("stage") or ""), str(context.get("apiId") or "")
    domain = context.get("domainName")
    if base:
        url = base.replace("{api_id}", api_id).replace("{stage}", stage) + path
    elif domain:
        # The gateway's own path has the stage where the sender wrote it: not on custom domains.
        sent = context.get("path")
        url = f"https://{domain}" + (str(sent) if sent else f"/{stage}{path}")
    else:
        return ""
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url
