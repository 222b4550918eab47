"""Carries WSGI requests into a handler, as API Gateway would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tests.world.events import LambdaContext, api_event
from tests.world.world import World

type Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def gateway(house: World, handler: Callable[..., dict[str, Any]]) -> Application:
    """Return a WSGI application over a `lambda_handler`; `house` has to outlive its use."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        assert house.dynamodb is not None
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/")
        query = environ.get("QUERY_STRING", "")
        headers = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        event = api_event(
            environ["REQUEST_METHOD"],
            f"{path}?{query}" if query else path,
            body=environ["wsgi.input"].read(length),
            headers=headers,
        )
        answer = handler(event, LambdaContext())
        status = HTTPStatus(answer["statusCode"])
        sent = [(n, v) for n, values in answer["multiValueHeaders"].items() for v in values]
        start_response(f"{status.value} {status.phrase}", sent)
        return [(answer.get("body") or "").encode()]

    return application
