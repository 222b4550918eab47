"""Small helpers shared by the simulated platforms: answers, body checks, calls to Concord."""

import json
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

WEBHOOK_TIMEOUT_SECONDS = 15.0


class BadBodyError(Exception):
    """A body that the platform refuses; the text names fields, never their values."""


class UnreachableError(Exception):
    """The other side did not answer."""


def parse[Model: BaseModel](model: type[Model], data: object) -> Model:
    """Check decoded data against `model`, unknown fields included."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = sorted(
            f"{'.'.join(str(part) for part in found['loc']) or 'body'}: {found['type']}"
            for found in error.errors(include_input=False, include_url=False)
        )
        raise BadBodyError("; ".join(problems)) from None


async def json_body[Model: BaseModel](request: Request, model: type[Model]) -> Model:
    """Read a JSON body strictly."""
    try:
        data = json.loads(await request.body())
    except ValueError:
        raise BadBodyError("body: not JSON") from None
    return parse(model, data)


def control_error(status: int, code: str, detail: str) -> JSONResponse:
    """Answer a control call that cannot be done."""
    return JSONResponse({"code": code, "detail": detail}, status_code=status)


def pass_through(answer: httpx.Response) -> Response:
    """Hand Concord's own answer back: its status, body and type."""
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name in {"content-type", "retry-after"}
    }
    return Response(answer.content, status_code=answer.status_code, headers=kept)


class Outbound:
    """Calls that the simulated platforms make."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def post(
        self,
        url: str,
        content: bytes,
        headers: dict[str, str],
        timeout: float = WEBHOOK_TIMEOUT_SECONDS,
    ) -> httpx.Response:
        """Post `content` as it is, or raise UnreachableError."""
        return await self._call("POST", url, content, headers, timeout)

    async def put(
        self,
        url: str,
        content: bytes,
        headers: dict[str, str],
        timeout: float = WEBHOOK_TIMEOUT_SECONDS,
    ) -> httpx.Response:
        """Put `content` as it is, or raise UnreachableError."""
        return await self._call("PUT", url, content, headers, timeout)

    async def get(self, url: str, timeout: float = WEBHOOK_TIMEOUT_SECONDS) -> httpx.Response:
        """Get `url`, or raise UnreachableError."""
        return await self._call("GET", url, b"", {}, timeout)

    async def _call(
        self, method: str, url: str, content: bytes, headers: dict[str, str], timeout: float
    ) -> httpx.Response:
        try:
            return await self._client.request(
                method, url, content=content, headers=headers, timeout=timeout
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(type(error).__name__) from error

    async def close(self) -> None:
        await self._client.aclose()


def compact(data: dict[str, Any]) -> bytes:
    """Serialise a body that is going to be signed."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
