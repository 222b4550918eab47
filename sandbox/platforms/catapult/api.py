"""CATAPULT's side of the contract, and the people who stand at its tills."""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

import httpx
from pydantic import AwareDatetime, Field, StrictBool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account, Phone, Seed
from sandbox.clock import stamp
from sandbox.phones import is_e164
from sandbox.platforms.base import ALL_METHODS, Platform
from sandbox.platforms.catapult import groups, listing, till
from sandbox.web import (
    BadBodyError,
    Outbound,
    UnreachableError,
    compact,
    control_error,
    json_body,
)

type Handler = Callable[[Request, Account], Awaitable[Response]]

TILL_TIMEOUT_SECONDS = 6.0  # the documented default of CATAPULT's central server
_NOT_AUTHORIZED, _INVALID_CUSTOMER, _DATA_ACCESS, _ID_REUSED = 1, 2, 4, 7


class TextConsent(Seed):
    """Body of `PUT /accounts/{account_id}/text-consents` (ours: no public contract)."""

    phone: str
    opted_in: StrictBool
    changed_at: AwareDatetime
    shopper_id: str | None = None


class PosAction(Seed):
    """Body of `POST /catapult/_pos`: somebody acts and waits for the answer."""

    account_id: str
    via: Literal["web_cart", "pos", "web_office", "account", "checkout"]
    action: Literal["opt_in", "opt_out"]
    point: str = Field(min_length=1)
    actor: str | None = None
    shopper_id: str | None = None
    channel: Literal["sms", "email"] = "sms"
    event_id: str | None = None
    occurred_at: datetime | None = None
    evidence: dict[str, str] | None = None


class CatapultError(Exception):
    """An error in the shape ECRS documents: a number and a description."""

    def __init__(self, status: int, code: int, description: str) -> None:
        super().__init__(description)
        self.answer = JSONResponse({"code": code, "description": description}, status_code=status)


class Catapult(Platform):
    """The sandbox's CATAPULT."""

    name = "catapult"

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self._writes: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        account = f"/{self.name}/accounts/{{account_id}}"
        return [
            *self.control_routes(),
            Route(f"/{self.name}/_pos", self._pos, methods=["POST"]),
            Route(f"/{self.name}/_groups", self._change_group, methods=["POST"]),
            Route(
                f"/{self.name}/_shoppers/{{account_id}}/{{id}}",
                self._shopper,
                methods=["GET", "DELETE"],
            ),
            Route(account, self._guarded(self._get_account), methods=["GET"]),
            Route(f"{account}/groups", self._guarded(self._get_groups), methods=["GET"]),
            Route(f"{account}/shoppers", self._guarded(self._get_shoppers), methods=["GET"]),
            Route(f"{account}/text-consents", self._guarded(self._set_consent), methods=["PUT"]),
            Route(f"/{self.name}/{{path:path}}", self._unknown, methods=ALL_METHODS),
        ]

    def fault_answer(self, status: int, code: str | int | None) -> Response:
        number = code if isinstance(code, int) else _DATA_ACCESS
        return CatapultError(status, number, "The request was not processed").answer

    def forget(self, *, accounts: bool) -> None:
        super().forget(accounts=accounts)
        self._writes.clear()

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request, self._authenticate(request))
            except CatapultError as error:
                return error.answer
            except BadBodyError as error:
                return CatapultError(400, _DATA_ACCESS, str(error)).answer

        return guarded

    def _authenticate(self, request: Request) -> Account:
        account = self.accounts.get(request.path_params["account_id"])
        given = request.headers.get("x-api-key", "")
        expected = account.secret.get("api_key", given) if account else ""
        if (
            account is None
            or not given
            or not secrets.compare_digest(given.encode(), expected.encode())
        ):
            raise CatapultError(401, _NOT_AUTHORIZED, "Not authorized")
        return account

    # --- the contract ---------------------------------------------------------------------------

    async def _get_account(self, request: Request, account: Account) -> Response:
        name = account.name or account.account_id
        return JSONResponse({"account_id": account.account_id, "name": name})

    async def _get_groups(self, request: Request, account: Account) -> Response:
        return JSONResponse(listing.groups_page(request, account))

    async def _get_shoppers(self, request: Request, account: Account) -> Response:
        return JSONResponse(listing.shoppers_page(request, account))

    async def _set_consent(self, request: Request, account: Account) -> Response:
        consent = await json_body(request, TextConsent)
        key = request.headers.get("idempotency-key")
        digest = hashlib.sha256(await request.body()).hexdigest()
        if key is not None and (known := self._writes.get((account.account_id, key))):
            if known[0] != digest:
                raise CatapultError(409, _ID_REUSED, "Id reused with differing values")
            return JSONResponse(known[1])
        answer = {"updated": _apply(account, consent)}
        if key is not None:
            self._writes[account.account_id, key] = (digest, answer)
        return JSONResponse(answer)

    async def _unknown(self, request: Request) -> Response:
        return CatapultError(404, _DATA_ACCESS, "No such resource").answer

    # --- the controls ---------------------------------------------------------------------------

    async def _shopper(self, request: Request) -> Response:
        """Show a shopper; DELETE takes her off the list, and tells nobody."""
        account = self.accounts.get(request.path_params["account_id"])
        for shopper in account.shoppers if account else []:
            if account and shopper.id == request.path_params["id"]:
                if request.method == "DELETE":
                    account.shoppers.remove(shopper)
                    return Response(status_code=204)
                return JSONResponse(shopper.model_dump())
        return control_error(404, "unknown_shopper", "no such shopper in this account")

    async def _change_group(self, request: Request) -> Response:
        """Change who is in a group, as LoyaltyBot does; answer = who was moved, what was told."""
        wanted = await json_body(request, groups.GroupChange)
        account = self.accounts.get(wanted.account_id)
        if account is None:
            return control_error(404, "unknown_account", "no such account")
        if wanted.notify and not _wired(account):
            return _not_wired()
        moved = groups.change(account, wanted)
        told = await groups.tell(self.outbound, account, wanted, moved)
        return JSONResponse({"moved": [shopper.id for shopper in moved], "told": told})

    async def _pos(self, request: Request) -> Response:
        action = await json_body(request, PosAction)
        account = self.accounts.get(action.account_id)
        if account is None:
            return control_error(404, "unknown_account", "no such account")
        if not _wired(account):
            return _not_wired()
        try:
            answer = await self._ask(account, action)
        except UnreachableError:
            return _shown(504, till.unreachable(), None)
        body = _decoded(answer)
        return _shown(answer.status_code, till.message_for(answer.status_code, body), body)

    async def _ask(self, account: Account, action: PosAction) -> httpx.Response:
        """Call Concord's Connect API and wait as long as a till waits."""
        body = action.model_dump(mode="json", exclude={"account_id"}, exclude_none=True)
        body["event_id"] = action.event_id or f"pos_{secrets.token_hex(12)}"
        body.setdefault("occurred_at", stamp())
        base = (account.api_url or "").rstrip("/")
        url = f"{base}/connect/{account.connection_id}/consents"
        headers = {
            "authorization": f"Bearer {account.connect_key}",
            "content-type": "application/json",
        }
        return await self.outbound.post(url, compact(body), headers, TILL_TIMEOUT_SECONDS)


def _wired(account: Account) -> bool:
    return bool(account.api_url and account.connection_id and account.connect_key)


def _not_wired() -> JSONResponse:
    return control_error(
        409, "not_wired", "the account needs api_url, connection_id and connect_key"
    )


def _apply(account: Account, consent: TextConsent) -> int:
    """Set the flag on every shopper's copy of the number and return how many there were."""
    if not is_e164(consent.phone):
        raise CatapultError(400, _INVALID_CUSTOMER, "phone is not E.164")
    found: list[Phone] = [
        phone
        for shopper in account.shoppers
        if consent.shopper_id in (None, shopper.id)
        for phone in shopper.phones
        if phone.number == consent.phone
    ]
    if not found:
        raise CatapultError(404, _INVALID_CUSTOMER, "No shopper carries this number")
    for phone in found:
        phone.opted_in = consent.opted_in
    return len(found)


def _decoded(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content)
    except ValueError:
        return answer.text


def _shown(status: int, message: str, body: Any) -> JSONResponse:
    return JSONResponse({"status": status, "message": message, "body": body}, status_code=status)
