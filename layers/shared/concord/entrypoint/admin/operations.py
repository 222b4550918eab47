"""Declare an operation once: its route, its validation and its entry in docs/openapi.json."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, get_args

from aws_lambda_powertools.event_handler.api_gateway import Response
from pydantic import BaseModel

from concord.domain.errors import FieldError, InvalidInputError, NotFoundError
from concord.domain.events import ApiAnswer
from concord.domain.identity import merchant_of
from concord.domain.limits import MAX_ADMIN_BODY
from concord.entrypoint.admin.call import Call, call_of, is_csv, parsed, validated
from concord.entrypoint.http import received, respond, routes, unquoted

_KEY: Final = re.compile(r"[!-~]{1,255}")

type Handler = Callable[..., BaseModel]


class Once(Protocol):
    """Answer a repeated call as its first time (services/answer_once.py)."""

    def __call__(
        self,
        merchant_id: str,
        key: str | None,
        fingerprint: str,
        call: Callable[[], ApiAnswer],
        without_secrets: Callable[[Mapping[str, object]], Mapping[str, object]],
    ) -> ApiAnswer: ...


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as docs/openapi.json describes it."""

    tag: str
    method: str
    path: str
    name: str
    summary: str
    status: int
    answer: type[BaseModel]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    idempotent: bool
    accepts_csv: bool
    also: Mapping[int, type[BaseModel]]

    def status_of(self, answer: BaseModel) -> int:
        """Return the status that an answer of this kind has."""
        return next((s for s, model in self.also.items() if type(answer) is model), self.status)


class Operations:
    """The operations of one noun. Types are read from each handler's signature, and only there.

    A handler takes `call`, its path parameters by name, and `body` and `query` if it has them.
    `once` finds the service that knows the Idempotency-Keys, at the first call that has one.
    """

    def __init__(self, tag: str, once: Callable[[], Once] | None = None) -> None:
        self.tag = tag
        self.once = once
        self.router = routes()
        self.declared: list[Operation] = []

    def on(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        idempotent: bool = False,
        accepts_csv: bool = False,
        also: Mapping[int, type[BaseModel]] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler. `idempotent` = it takes an Idempotency-Key and names a merchant.

        `also` = other answers that it may give, by their status.
        """

        def register(handler: Handler) -> Handler:
            if idempotent and self.once is None:
                raise TypeError(f"{handler.__name__} is idempotent, {self.tag} was given no `once`")
            types = inspect.get_annotations(handler, eval_str=True)
            others = also or {}
            operation = Operation(
                tag=self.tag,
                method=method,
                path=path,
                name=handler.__name__,
                summary=inspect.getdoc(handler) or "",
                status=status,
                answer=_first_but(types["return"], others),
                body=_model(types.get("body")),
                query=_model(types.get("query")),
                idempotent=idempotent,
                accepts_csv=accepts_csv,
                also=others,
            )
            self.declared.append(operation)

            def route(**segments: str) -> Response[str]:
                request = received(self.router, MAX_ADMIN_BODY)
                call = call_of(self.router.current_event.raw_event, request)
                names = {name: unquoted(value) for name, value in segments.items()}
                answer = _bound(operation, handler, call, names)
                key = call.headers.get("idempotency-key")
                if self.once is None or not idempotent or key is None:
                    return respond(answer())
                return respond(_remembered(self.once(), operation, call, names, key, answer))

            rule = path.replace("{", "<").replace("}", ">")
            self.router.route(rule, method=method)(route)
            return handler

        return register


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the model of `Model` or `Model | None`."""
    kinds = get_args(annotation) or (annotation,)
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _first_but(annotation: Any, others: Mapping[int, type[BaseModel]]) -> type[BaseModel]:
    """Return the model of `Model` or `Model | Other`."""
    kinds = get_args(annotation) or (annotation,)
    model: type[BaseModel]
    (model,) = (kind for kind in kinds if kind not in others.values())
    return model


def _bound(
    operation: Operation, handler: Handler, call: Call, names: Mapping[str, str]
) -> Callable[[], ApiAnswer]:
    """Return the call with all its parameters. Raises InvalidInputError naming every wrong one."""
    given: dict[str, Any] = dict(names)
    if operation.query is not None:
        given["query"] = validated(operation.query, call.query)
    if operation.body is not None:
        as_csv = operation.accepts_csv and is_csv(call)
        given["body"] = None if as_csv else parsed(operation.body, call.body or b"{}")

    def run() -> ApiAnswer:
        answer = handler(call, **given)
        return ApiAnswer(operation.status_of(answer), answer.model_dump(mode="json", by_alias=True))

    return run


def _remembered(
    once: Once,
    operation: Operation,
    call: Call,
    names: Mapping[str, str],
    key: str,
    answer: Callable[[], ApiAnswer],
) -> ApiAnswer:
    if not _KEY.fullmatch(key):
        message = "use 1 to 255 visible ASCII characters"
        raise InvalidInputError("bad key", errors=(FieldError("Idempotency-Key", message),))
    redact = getattr(operation.answer, "without_secrets", dict)
    merchant_id = names.get("merchant_id") or _merchant_of(names["connection_id"])
    return once(merchant_id, key, call.fingerprint(), answer, redact)


def _merchant_of(connection_id: str) -> str:
    try:
        return merchant_of(connection_id)
    except ValueError:
        raise NotFoundError("no such connection") from None
