"""Text-Em-All's REST API behind OAuth, and the controls of its handsets and contacts."""

import functools
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account
from sandbox.clock import now, stamp
from sandbox.phones import to_e164
from sandbox.platforms.base import ALL_METHODS, HandsetText, Platform
from sandbox.platforms.text_em_all import oauth
from sandbox.platforms.text_em_all.broadcasts import Broadcasts, NewBroadcast, Report
from sandbox.platforms.text_em_all.door import Door
from sandbox.platforms.text_em_all.feed import feed, read_query
from sandbox.platforms.text_em_all.store import (
    ApiError,
    Conversations,
    NewConversation,
    OptState,
    Receipt,
    text_numbers,
)
from sandbox.platforms.text_em_all.urls import without_query
from sandbox.receipts import Post
from sandbox.signing import standard_webhook_headers
from sandbox.web import (
    BadBodyError,
    Outbound,
    UnreachableError,
    compact,
    control_error,
    json_body,
    pass_through,
)

type Handler = Callable[[Request, Account], Awaitable[Response]]

# Ours: how a PUT of the opt state says 404 of the contact, and not of its own path.
CONTACT_NOT_FOUND = 1003
_CODE_NAMES = {CONTACT_NOT_FOUND: "ContactNotFound"}
_ERROR_NAMES = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests"}


class TextEmAll(Platform):
    """The sandbox's Text-Em-All."""

    name = "text_em_all"
    version_prefix = "/v1"

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self.conversations = Conversations()
        self.broadcasts = Broadcasts()
        self._door = Door(self.accounts)

    def routes(self) -> list[Route]:
        contract: list[tuple[str, str, Handler]] = [
            ("GET", "/account", self._get_account),
            ("GET", "/textnumbers", self._list_text_numbers),
            ("GET", "/conversations", self._list_conversations),
            ("POST", "/conversations", self._send_text),
            ("GET", "/broadcasts", self._list_broadcasts),
            ("POST", "/broadcasts", self._send_broadcast),
            ("GET", "/broadcasts/{broadcast_id:int}", self._get_broadcast),
            ("PUT", "/contacts/optstate", self._set_opt_state),
        ]
        served = [
            Route(f"/{self.name}{version}{path}", self._guarded(handler), methods=[method])
            for version in (self.version_prefix, "")
            for method, path, handler in contract
        ]
        return [
            *self.control_routes(),
            Route(f"/{self.name}/_handset", self._handset, methods=["POST"]),
            Route(f"/{self.name}/_contacts/{{number}}", self._get_contact, methods=["GET"]),
            Route(f"/{self.name}/_receipt", self._receipt, methods=["POST"]),
            *served,
            Route(f"/{self.name}/{{path:path}}", self._unknown, methods=ALL_METHODS),
        ]

    def fault_answer(self, status: int, code: str | int | None) -> Response:
        name = _ERROR_NAMES.get(status, "ServerError" if status >= 500 else "BadRequest")
        number = code if isinstance(code, int) else status
        name = _CODE_NAMES.get(number, name)
        return _refuse(ApiError(status, number, name, "The request was not processed"))

    def forget(self, *, accounts: bool) -> None:
        super().forget(accounts=accounts)
        self.conversations.forget(accounts=accounts)
        self.broadcasts.clear()

    # --- authentication -------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                account = self._door.open_for(request, await request.body())
                return await handler(request, account)
            except oauth.OAuthError as error:
                return _refuse(ApiError(401, 401, "Unauthorized", str(error)))
            except BadBodyError as error:
                return _refuse(ApiError(400, 1000, "InvalidRequest", str(error)))
            except ApiError as error:
                return _refuse(error)

        return guarded

    # --- the contract ---------------------------------------------------------------------------

    async def _get_account(self, request: Request, account: Account) -> Response:
        name = account.name or account.account_id
        units = {"AvailableCallUnits": 10_000, "CallBalance": 0}
        return JSONResponse({"AccountID": account.account_id, "Name": name, **units})

    async def _list_text_numbers(self, request: Request, account: Account) -> Response:
        paging, wanted = read_query(request.url.query, frozenset())
        return JSONResponse(feed(text_numbers(account), without_query(request), paging, wanted))

    async def _list_conversations(self, request: Request, account: Account) -> Response:
        found = self.conversations.of(account).conversations
        return _filtered(request, account, found, "IntegrationData")

    async def _list_broadcasts(self, request: Request, account: Account) -> Response:
        base = without_query(request)
        found = [each.view(base) for each in self.broadcasts.of(account)]
        return _filtered(request, account, found, "BroadcastName")

    async def _get_broadcast(self, request: Request, account: Account) -> Response:
        for each in self.broadcasts.of(account):
            if each.broadcast_id == request.path_params["broadcast_id"]:
                return JSONResponse(each.view(without_query(request).rpartition("/")[0]))
        raise ApiError(404, 404, "NotFound", "No such broadcast")

    async def _send_broadcast(self, request: Request, account: Account) -> Response:
        wanted = await json_body(request, NewBroadcast)
        own = self._number(account, wanted.TextNumberID)
        self._pace(account)
        ledger = self.conversations.of(account)
        broadcast = self.broadcasts.open(account, wanted, ledger)
        reached = broadcast.reached
        for to, at in zip(reached, self.pace.slots(account, len(reached)), strict=True):
            text = self.handsets.deliver(to, own, wanted.TextMessage, at)
            broadcast.texts.append(text)
            self._report(account, Report(broadcast.name, broadcast.broadcast_id, to, text))
        for to in broadcast.left_out:
            self._report(account, Report(broadcast.name, broadcast.broadcast_id, to, None))
        return JSONResponse(broadcast.view(without_query(request)))

    def _report(self, account: Account, report: Report) -> None:
        """Have the account's webhook told of one text, if it is to be told of any."""
        options = account.receipts
        if options is None or account.webhook_url is None or report.to in options.silent_numbers:
            return

        def story() -> list[Post]:
            return [functools.partial(self._post, account, e) for e in report.events(options)]

        self.receipts.add(options, report.text.at if report.text else now(), story)

    async def _post(self, account: Account, event: dict[str, Any]) -> int:
        return (await self._call_webhook(account, event)).status_code

    def _pace(self, account: Account) -> None:
        if not self.pace.takes(account):
            raise ApiError(429, 429, "TooManyRequests", "Slow down")

    def _number(self, account: Account, number_id: int | None) -> str:
        """Return the account's own number of this id, by default its first."""
        numbers = {account.number_ids[number]: number for number in account.text_numbers}
        found = numbers.get(min(numbers, default=0) if number_id is None else number_id)
        if found is None:
            raise ApiError(400, 1002, "InvalidTextNumber", "TextNumberID is not of this account")
        return found

    async def _send_text(self, request: Request, account: Account) -> Response:
        text = await json_body(request, NewConversation)
        own = self._number(account, text.TextNumberID)
        self._pace(account)
        base = without_query(request).removesuffix("/conversations")
        conversation = self.conversations.open(account, text, base)
        to = to_e164(text.LastMessage.Contact.PrimaryPhone)
        [at] = self.pace.slots(account, 1)
        sent = self.handsets.deliver(to, own, text.LastMessage.Message, at)
        if text.IntegrationData:
            message_id = conversation["LastMessage"]["TextMessageID"]
            self._report(account, Report(text.IntegrationData, message_id, to, sent))
        return JSONResponse(conversation)

    async def _set_opt_state(self, request: Request, account: Account) -> Response:
        state = await json_body(request, OptState)
        self.conversations.of(account).contacts[to_e164(state.PrimaryPhone)] = state.OptedIn
        return JSONResponse({"PrimaryPhone": state.PrimaryPhone, "OptedIn": state.OptedIn})

    async def _unknown(self, request: Request) -> Response:
        return _refuse(ApiError(404, 404, "NotFound", "No such resource"))

    # --- the controls ---------------------------------------------------------------------------

    async def _handset(self, request: Request) -> Response:
        text = await json_body(request, HandsetText)
        account = self.accounts.by_number(text.to)
        if account is None:
            return control_error(404, "unknown_number", "no account has this text number")
        if self.conversations.of(account).hear(to_e164(text.sender), text.text):
            self.handsets.withdraw(text.sender, account.text_numbers)
        return await self._call_webhook(
            account,
            {
                "type": "inbound_text",
                "id": text.id or f"in_{secrets.token_hex(12)}",
                "from": to_e164(text.sender),
                "to": to_e164(text.to),
                "text": text.text,
                "at": text.at or stamp(),
            },
        )

    async def _receipt(self, request: Request) -> Response:
        receipt = await json_body(request, Receipt)
        found = self._told_of(receipt)
        account = self.accounts.get(found[0]) if found else None
        if found is None or account is None:
            return control_error(404, "unknown_reference", "no text was sent with this reference")
        return await self._call_webhook(
            account,
            {
                "type": "delivery",
                "id": receipt.id or f"dl_{secrets.token_hex(12)}",
                "reference": receipt.reference,
                "message_id": found[1],
                "to": found[2],
                "status": receipt.status,
                "code": receipt.code,
                "at": receipt.at or stamp(),
            },
        )

    def _told_of(self, receipt: Receipt) -> tuple[str, str, str] | None:
        """Return account, message id and number of the text that a receipt is about."""
        one = self.conversations.find_reference(receipt.reference)
        if one is not None:
            message = one[1]["LastMessage"]
            to = to_e164(message["Contact"]["PrimaryPhone"])
            return one[0], str(message["TextMessageID"]), to
        many = self.broadcasts.named(receipt.reference)
        if many is None or receipt.to is None or to_e164(receipt.to) not in many.reached:
            return None
        return many.account_id, str(many.broadcast_id), to_e164(receipt.to)

    async def _call_webhook(self, account: Account, event: dict[str, Any]) -> Response:
        """Post an event to the account's webhook, signed, and hand the answer back."""
        if account.webhook_url is None:
            return control_error(409, "not_wired", "the account has no webhook_url")
        body = compact(event)
        headers = {"content-type": "application/json"}
        if account.webhook_secret:
            message_id = f"msg_{event['id']}"
            now = int(time.time())
            headers |= standard_webhook_headers(account.webhook_secret, message_id, now, body)
        try:
            return pass_through(await self.outbound.post(account.webhook_url, body, headers))
        except UnreachableError as error:
            return control_error(504, "webhook_unreachable", str(error))

    async def _get_contact(self, request: Request) -> Response:
        """Show a contact; `account_id` chooses among accounts, otherwise the newest that has it."""
        number = to_e164(request.path_params["number"])
        account_id = request.query_params.get("account_id")
        opted_in = None
        for account in self.accounts:
            if account_id in (None, account.account_id):
                opted_in = self.conversations.of(account).contacts.get(number, opted_in)
        return JSONResponse({"opted_in": opted_in})


def _refuse(error: ApiError) -> JSONResponse:
    headers = {"Retry-After": "1"} if error.status == 429 else None
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


def _filtered(
    request: Request, account: Account, found: list[dict[str, Any]], name: str
) -> Response:
    paging, wanted = read_query(request.url.query, frozenset({name}))
    if account.ignore_filters:
        wanted = {}
    return JSONResponse(feed(found, without_query(request), paging, wanted))
