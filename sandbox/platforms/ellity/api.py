"""Ellity's outgoing webhook, and the shop whose customers' points change. It has no public API."""

import re
from typing import Any
from urllib.parse import quote

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Seed
from sandbox.platforms.base import ALL_METHODS, Platform
from sandbox.web import UnreachableError, control_error, json_body

# What a merchant could write: values arrive as texts, and nothing escapes them.
TEMPLATE = (
    '{"event":"credit","id":"#customer.id#","email":"#customer.email#",'
    '"credit":"#customer.credit#","delta":"#creditChange.value#","shop":"#account.eshopId#"}'
)
_VARIABLE = re.compile(r"#([A-Za-z.]+)#")


class Credit(Seed):
    """Body of `POST /ellity/_credit`: a customer's points changed.

    `customer` has what her variables stand for (`id`, `email`, `credit`, `group.name` ...); what is
    missing leaves an empty text. An empty `template` is none: then Ellity calls with GET.
    """

    account_id: str
    customer: dict[str, str | int] = Field(default_factory=dict)
    delta: int | None = None
    template: str = TEMPLATE
    times: int = Field(default=1, ge=1, le=10)


class Ellity(Platform):
    """The sandbox's Ellity."""

    name = "ellity"

    def routes(self) -> list[Route]:
        return [
            *self.control_routes(),
            Route(f"/{self.name}/_credit", self._credit, methods=["POST"]),
            Route(f"/{self.name}/{{path:path}}", self._unknown, methods=ALL_METHODS),
        ]

    def fault_answer(self, status: int, code: str | int | None) -> Response:
        return JSONResponse({"error": str(code or "failed")}, status_code=status)

    async def _credit(self, request: Request) -> Response:
        """Call the shop's webhook; answer with what it was answered, 0 = nothing came."""
        change = await json_body(request, Credit)
        account = self.accounts.get(change.account_id)
        if account is None or not account.webhook_url:
            return control_error(409, "not_wired", "the account needs webhook_url")
        values = _values(change)
        # A value in a URL is spelled as one; in a body it stands as it is.
        url = _filled(account.webhook_url, {k: quote(v, safe="") for k, v in values.items()})
        body = _filled(change.template, values).encode()
        statuses = [await self._call(url, body) for _ in range(change.times)]
        return JSONResponse({"statuses": statuses, "body": body.decode()})

    async def _call(self, url: str, body: bytes) -> int:
        try:
            if not body:
                return (await self.outbound.get(url)).status_code
            headers = {"content-type": "application/json"}
            return (await self.outbound.post(url, body, headers)).status_code
        except UnreachableError:
            return 0

    async def _unknown(self, request: Request) -> Response:
        return JSONResponse({"error": "no public API"}, status_code=404)


def _values(change: Credit) -> dict[str, str]:
    """Return the variables that have a value."""
    given: dict[str, Any] = {f"customer.{name}": v for name, v in change.customer.items()}
    given |= {"creditChange.value": change.delta, "account.eshopId": change.account_id}
    return {name: str(value) for name, value in given.items() if value is not None}


def _filled(template: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), template)
