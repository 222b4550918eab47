"""The platforms' application: every simulated platform, the controls, the recorder around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.accounts import Seed
from sandbox.faults import AWS_SERVICES, Fault, FaultBook
from sandbox.platforms.aws.api import Aws
from sandbox.platforms.base import Platform
from sandbox.platforms.catapult.api import Catapult
from sandbox.platforms.ecomail.api import Ecomail
from sandbox.platforms.ellity.api import Ellity
from sandbox.platforms.text_em_all.api import TextEmAll
from sandbox.platforms.twilio.api import Twilio
from sandbox.recorder import Call, Recorder
from sandbox.web import BadBodyError, Outbound, control_error, json_body, parse

PLATFORMS: tuple[type[Platform], ...] = (TextEmAll, Catapult, Twilio, Aws, Ecomail, Ellity)


class Reset(Seed):
    """Body of `POST /_reset`."""

    accounts: bool = False


@dataclass(slots=True)
class World:
    """Everything one sandbox process knows."""

    platforms: dict[str, Platform]
    calls: list[Call] = field(default_factory=list)
    faults: FaultBook = field(default_factory=FaultBook)

    async def list_calls(self, request: Request) -> Response:
        wanted = request.query_params.get("platform")
        return JSONResponse(
            [call.view() for call in self.calls if wanted in (None, "", call.platform)]
        )

    async def add_fault(self, request: Request) -> Response:
        fault = await json_body(request, Fault)
        if fault.platform not in self.platforms.keys() | AWS_SERVICES:
            return control_error(400, "unknown_platform", "no such platform")
        self.faults.add(fault)
        return JSONResponse(fault.model_dump(exclude_unset=True), status_code=201)

    async def list_faults(self, request: Request) -> Response:
        return JSONResponse([fault.model_dump(exclude_unset=True) for fault in self.faults.all()])

    async def reset(self, request: Request) -> Response:
        empty = not await request.body()
        reset = parse(Reset, {}) if empty else await json_body(request, Reset)
        self.calls.clear()
        self.faults.clear()
        for platform in self.platforms.values():
            platform.forget(accounts=reset.accounts)
        return JSONResponse({"reset": True, "accounts": reset.accounts})

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "platforms": sorted(self.platforms)})


def build(client: httpx.AsyncClient | None = None) -> tuple[ASGIApp, World]:
    """Return the application and what it knows; `client` makes the calls to Concord."""
    outbound = Outbound(client or httpx.AsyncClient(trust_env=False, follow_redirects=False))
    platforms = {kind.name: kind(outbound) for kind in PLATFORMS}
    world = World(platforms)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await outbound.close()

    app = Starlette(
        routes=[
            Route("/_calls", world.list_calls, methods=["GET"]),
            Route("/_faults", world.add_fault, methods=["POST"]),
            Route("/_faults", world.list_faults, methods=["GET"]),
            Route("/_reset", world.reset, methods=["POST"]),
            Route("/_health", world.health, methods=["GET"]),
            *(route for platform in platforms.values() for route in platform.routes()),
        ],
        exception_handlers={BadBodyError: _bad_body},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Recorder(app, world.calls, world.faults, platforms), world


async def _bad_body(_: Request, error: Any) -> Response:
    return control_error(400, "invalid_body", str(error))
