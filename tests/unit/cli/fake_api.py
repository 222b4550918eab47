"""The admin API's other side: checks each signature and each body, answers as told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner, Result

from cli.main import app
from cli.session import Session
from concord.entrypoint.admin import (
    base,
    broadcasts,
    connections,
    consents,
    imports,
    inbox,
    merchants,
    points,
    programmes,
    reviews,
    rotation,
)
from tests.unit.cli.sigv4 import expected_authorization

ACCESS_KEY: Final = "AKIDEXAMPLE"
SECRET_KEY: Final = "wJalrXUtnFEMI-example"
_BASE: Final = "/_aws/execute-api/abc/local/v1"

# What the real API validates a body with: the CLI may send nothing that it would refuse.
_BODIES: Final[tuple[tuple[str, str, type[BaseModel]], ...]] = (
    ("PUT", r"/merchants/[^/]+", merchants.MerchantPut),
    ("PUT", r"/merchants/[^/]+/programmes/[^/]+", programmes.ProgrammePut),
    (
        "POST",
        r"/merchants/[^/]+/programmes/[^/]+/accounts/[^/]+/adjustments",
        points.AdjustmentPost,
    ),
    ("POST", r"/merchants/[^/]+/connections", connections.ConnectionPost),
    ("POST", r"/merchants/[^/]+/inbox/replays", inbox.ReplaysPost),
    ("PATCH", r"/connections/[^/]+", connections.ConnectionPatch),
    ("POST", r"/connections/[^/]+/state", connections.StatePost),
    ("POST", r"/connections/[^/]+/rotate", rotation.RotatePost),
    ("POST", r"/connections/[^/]+/consents/(lookup|dossier)", consents.PointPost),
    ("POST", r"/connections/[^/]+/consent-imports", imports.ImportPost),
    ("POST", r"/connections/[^/]+/broadcasts", broadcasts.BroadcastPost),
    ("POST", r"/connections/[^/]+/broadcasts/[^/]+/schedule", broadcasts.SchedulePost),
    (
        "POST",
        r"/connections/[^/]+/broadcasts/[^/]+/(send|pause|resume|cancel)",
        broadcasts.ActPost,
    ),
    ("POST", r"/connections/[^/]+/reviews/[^/]+/(confirm|dismiss)", reviews.DecisionPost),
)
_QUERIES: Final[tuple[tuple[str, type[BaseModel]], ...]] = (
    (r"/merchants/[^/]+/connections", base.PageQuery),
    (r"/merchants/[^/]+/programmes", base.PageQuery),
    (r"/merchants/[^/]+/programmes/[^/]+/accounts/[^/]+/entries", base.PageQuery),
    (r"/connections/[^/]+/audit", base.PageQuery),
    (r"/connections/[^/]+/broadcasts", base.PageQuery),
    (r"/connections/[^/]+/reviews", reviews.ReviewQuery),
    (r"/merchants/[^/]+/inbox", inbox.InboxQuery),
)

type Answer = dict[str, Any] | httpx.Response | Callable[[httpx.Request], Any]


def refusal(
    status: int,
    code: str,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> httpx.Response:
    """Return an RFC 9457 answer."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail, **members}
    return httpx.Response(
        status, json=body, headers={"Content-Type": "application/problem+json", **(headers or {})}
    )


@dataclass
class FakeApi:
    """Answers by method and path, in the order given; the last answer stays."""

    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert request.headers["Authorization"] == expected_authorization(request, SECRET_KEY)
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(_BASE)
        try:
            _validate(request, path)
        except ValidationError as error:
            raise AssertionError(f"the API would refuse this: {error}") from error
        queue = self.answers.get((request.method, path))
        if not queue:
            return refusal(404, "not_found", f"nothing at {request.method} {path}")
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        made = answer(request) if callable(answer) else answer
        return made if isinstance(made, httpx.Response) else httpx.Response(200, json=made)

    def bodies(self, method: str = "POST") -> list[dict[str, Any]]:
        return [json.loads(r.content) for r in self.requests if r.method == method]


def _validate(request: httpx.Request, path: str) -> None:
    for method, pattern, model in _BODIES:
        if method == request.method and re.fullmatch(pattern, path):
            model.model_validate_json(request.content)
    for pattern, model in _QUERIES:
        if request.method == "GET" and re.fullmatch(pattern, path):
            model.model_validate(dict(request.url.params))


@dataclass
class Cli:
    """Runs commands; `slept` holds the pauses that it did not really make."""

    api: Callable[[httpx.Request], httpx.Response]
    stack: Path | None
    slept: list[float] = field(default_factory=list)

    def __call__(self, *args: object, answers: str | None = None) -> Result:
        session = Session(transport=httpx.MockTransport(self.api), sleep=self.slept.append)
        words = ["--stack", str(self.stack)] if self.stack else []
        return CliRunner().invoke(app, [*words, *map(str, args)], obj=session, input=answers)


def pages(items: Sequence[Any], size: int) -> Iterator[dict[str, Any]]:
    """Yield a list as the API pages it."""
    for start in range(0, len(items), size):
        more = start + size < len(items)
        yield {"items": items[start : start + size], "cursor": f"c{start}" if more else None}
