"""Text-Em-All's REST API behind OAuth, and the controls of its handsets and contacts."""

import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account
from sandbox.clock import stamp
from sandbox.phones import to_e164
from sandbox.platforms.base import ALL_METHODS, HandsetText, Platform
from sandbox.platforms.text_em_all import oauth
from sandbox.platforms.text_em_all.feed import feed, read_query
from sandbox.platforms.text_em_all.store import (
    ApiError,
    Conversations,
    NewConversation,
    OptState,
    Receipt,
    text_numbers,
)
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
        self._nonces = oauth.Nonces()

    def routes(self) -> list[Route]:
        contract: list[tuple[str, str, Handler]] = [
            ("GET", "/account", self._get_account),
            ("GET", "/textnumbers", self._list_text_numbers),
            ("GET", "/conversations", self._list_conversations),
            ("POST", "/conversations", self._send_text),
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

    # --- authentication -------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                account = self._authenticate(request, await request.body())
                return await handler(request, account)
            except oauth.OAuthError as error:
                return _refuse(ApiError(401, 401, "Unauthorized", str(error)))
            except BadBodyError as error:
                return _refuse(ApiError(400, 1000, "InvalidRequest", str(error)))
            except ApiError as error:
                return _refuse(error)

        return guarded

    def _authenticate(self, request: Request, body: bytes) -> Account:
        header = oauth.parse_header(request.headers.get("authorization"))
        for account in self.accounts:
            known = account.secret
            if (known.get("consumer_key"), known.get("access_token")) == (
                header.consumer_key,
                header.token,
            ):
                secret = known.get("consumer_secret", "")
                oauth.verify(header, request.method, _received_url(request), secret)
                self._nonces.check(header)
                return account
        account = self._without_credentials(body)
        self._nonces.check(header)
        return account

    def _without_credentials(self, body: bytes) -> Account:
        """Return the one account a call can mean when it was seeded without credentials.

        The text number that a body names belongs to one account, which makes it the only one.
        """
        open_accounts = [account for account in self.accounts if not account.secret]
        number_id = _text_number_id(body)
        if number_id is not None:
            open_accounts = [
                account for account in open_accounts if number_id in account.number_ids.values()
            ]
        if len(open_accounts) != 1:
            raise oauth.OAuthError("unknown consumer key or token")
        return open_accounts[0]

    # --- the contract ---------------------------------------------------------------------------

    async def _get_account(self, request: Request, account: Account) -> Response:
        name = account.name or account.account_id
        units = {"AvailableCallUnits": 10_000, "CallBalance": 0}
        return JSONResponse({"AccountID": account.account_id, "Name": name, **units})

    async def _list_text_numbers(self, request: Request, account: Account) -> Response:
        paging, wanted = read_query(request.url.query, frozenset())
        return JSONResponse(feed(text_numbers(account), _without_query(request), paging, wanted))

    async def _list_conversations(self, request: Request, account: Account) -> Response:
        paging, wanted = read_query(request.url.query, frozenset({"IntegrationData"}))
        found = self.conversations.of(account).conversations
        return JSONResponse(feed(found, _without_query(request), paging, wanted))

    async def _send_text(self, request: Request, account: Account) -> Response:
        text = await json_body(request, NewConversation)
        numbers = {account.number_ids[number]: number for number in account.text_numbers}
        if text.TextNumberID not in numbers:
            raise ApiError(400, 1002, "InvalidTextNumber", "TextNumberID is not of this account")
        base = _without_query(request).removesuffix("/conversations")
        conversation = self.conversations.open(account, text, base)
        to = to_e164(text.LastMessage.Contact.PrimaryPhone)
        self.handsets.deliver(to, numbers[text.TextNumberID], text.LastMessage.Message)
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
        found = self.conversations.find_reference(receipt.reference)
        account = self.accounts.get(found[0]) if found else None
        if found is None or account is None:
            return control_error(404, "unknown_reference", "no text was sent with this reference")
        message = found[1]["LastMessage"]
        return await self._call_webhook(
            account,
            {
                "type": "delivery",
                "id": receipt.id or f"dl_{secrets.token_hex(12)}",
                "reference": receipt.reference,
                "message_id": str(message["TextMessageID"]),
                "to": to_e164(message["Contact"]["PrimaryPhone"]),
                "status": receipt.status,
                "code": receipt.code,
                "at": receipt.at or stamp(),
            },
        )

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
    return JSONResponse(error.body(), status_code=error.status)


def _received_url(request: Request) -> str:
    """Return the URL exactly as the client signed it: its host and port, its encoded path."""
    scope = request.scope
    raw_path = scope.get("raw_path") or request.url.path.encode()
    query = scope["query_string"].decode("latin-1")
    host = request.headers.get("host", "")
    url = f"{scope['scheme']}://{host}{raw_path.decode('latin-1')}"
    return f"{url}?{query}" if query else url


def _without_query(request: Request) -> str:
    return _received_url(request).partition("?")[0]


def _text_number_id(body: bytes) -> int | None:
    """Read the text number that a body names, if it names one."""
    try:
        data = json.loads(body) if body else None
    except ValueError:
        return None
    found = data.get("TextNumberID") if isinstance(data, dict) else None
    return found if isinstance(found, int) else None
