"""Twilio's Messages API behind Basic auth, its signed webhooks, its handsets."""

import base64
import binascii
import functools
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account, ReceiptOptions
from sandbox.phones import to_e164
from sandbox.platforms.base import ALL_METHODS, HandsetText, Platform
from sandbox.platforms.twilio.callbacks import OPTED_OUT, callbacks, refuse_number
from sandbox.platforms.twilio.carrier import Carrier, classify
from sandbox.platforms.twilio.messages import (
    API_VERSION,
    Message,
    TwilioError,
    new_message,
    segments,
    select,
)
from sandbox.receipts import Post
from sandbox.signing import twilio_signature
from sandbox.web import Outbound, UnreachableError, control_error, json_body, pass_through

type Handler = Callable[[Request, Account], Awaitable[Response]]

_FAULT_CODES = {401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503}
_DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE = 50, 1000


class Twilio(Platform):
    """The sandbox's Twilio."""

    name = "twilio"
    version_prefix = f"/{API_VERSION}"

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self._messages: dict[str, list[Message]] = defaultdict(list)
        self._carrier = Carrier()

    def routes(self) -> list[Route]:
        messages = f"/{self.name}{self.version_prefix}/Accounts/{{sid}}/Messages"
        return [
            *self.control_routes(),
            Route(f"/{self.name}/_handset", self._handset, methods=["POST"]),
            Route(f"{messages}.json", self._guarded(self._send), methods=["POST"]),
            Route(f"{messages}.json", self._guarded(self._list), methods=["GET"]),
            Route(f"{messages}/{{message}}.json", self._guarded(self._get), methods=["GET"]),
            Route(f"/{self.name}/{{path:path}}", self._unknown, methods=ALL_METHODS),
        ]

    def fault_answer(self, status: int, code: str | int | None) -> Response:
        number = code if isinstance(code, int) else _FAULT_CODES.get(status, 20500)
        return _refuse(TwilioError(status, number, "The request was not processed"))

    def forget(self, *, accounts: bool) -> None:
        super().forget(accounts=accounts)
        self._messages.clear()
        if accounts:
            self._carrier = Carrier()

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request, self._authenticate(request))
            except TwilioError as error:
                return _refuse(error)

        return guarded

    def _authenticate(self, request: Request) -> Account:
        user, password = _basic(request.headers.get("authorization", ""))
        sid = request.path_params["sid"]
        for account in self.accounts:
            known = account.secret
            if sid not in (account.account_id, known.get("account_sid")):
                continue
            pairs = [
                (known.get("account_sid", account.account_id), known.get("auth_token")),
                (known.get("api_key_sid"), known.get("api_key_secret")),
            ]
            if (user, password) in pairs or (not known and user == sid and password):
                return account
        raise TwilioError(401, 20003, "Authenticate")

    # --- the contract ---------------------------------------------------------------------------

    async def _send(self, request: Request, account: Account) -> Response:
        raw = (await request.body()).decode(errors="replace")
        message = new_message(account, dict(parse_qsl(raw, keep_blank_values=True)))
        options = account.receipts or ReceiptOptions()
        refuse_number(options, message.to)
        if self._carrier.blocks(account.account_id, message.sender, message.to):
            raise TwilioError(400, OPTED_OUT, "Attempt to send to unsubscribed recipient")
        if not self.pace.takes(account):
            raise TwilioError(429, 20429, "Too many requests")
        message.account_id = request.path_params["sid"]
        self._messages[account.account_id].append(message)
        answer = JSONResponse(message.view(), status_code=201)
        [at] = self.pace.slots(account, 1)
        text = self.handsets.deliver(message.to, message.sender, message.body, at)
        message.text = text

        def story() -> list[Post]:
            told = callbacks(message, text, options)
            return [functools.partial(self._call_back, account, message, form) for form in told]

        self.receipts.add(options, at, story)
        return answer

    async def _call_back(self, account: Account, message: Message, form: dict[str, str]) -> int:
        return (await self._post(account, message.callback or "", form)).status_code

    async def _list(self, request: Request, account: Account) -> Response:
        query = parse_qsl(request.url.query, keep_blank_values=True)
        found = select(self._messages[account.account_id], query)
        page = _number(request, "Page", 0)
        size = min(max(_number(request, "PageSize", _DEFAULT_PAGE_SIZE), 1), _MAX_PAGE_SIZE)
        shown = found[page * size : (page + 1) * size]
        path = request.url.path.removeprefix(f"/{self.name}")
        filters = [(name, value) for name, value in query if not name.startswith("Page")]

        def uri(number: int) -> str:
            return f"{path}?{urlencode([*filters, ('PageSize', size), ('Page', number)])}"

        return JSONResponse(
            {
                "messages": [message.view() for message in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(shown) - 1, 0),
                "uri": uri(page),
                "first_page_uri": uri(0),
                "previous_page_uri": uri(page - 1) if page else None,
                "next_page_uri": uri(page + 1) if (page + 1) * size < len(found) else None,
            }
        )

    async def _get(self, request: Request, account: Account) -> Response:
        for message in self._messages[account.account_id]:
            if message.sid == request.path_params["message"]:
                return JSONResponse(message.view())
        raise TwilioError(404, 20404, "The requested resource was not found")

    async def _unknown(self, request: Request) -> Response:
        return _refuse(TwilioError(404, 20404, "The requested resource was not found"))

    # --- the controls ---------------------------------------------------------------------------

    async def _handset(self, request: Request) -> Response:
        text = await json_body(request, HandsetText)
        account = self.accounts.by_number(text.to)
        if account is None:
            return control_error(404, "unknown_number", "no account has this text number")
        own, shopper = to_e164(text.to), to_e164(text.sender)
        reply = self._carrier.receive(account.account_id, own, shopper, text.text)
        if self._carrier.blocks(account.account_id, own, shopper):
            self.handsets.withdraw(shopper, {own})
        if reply:
            self.handsets.deliver(shopper, own, reply)
        if account.webhook_url is None:
            return control_error(409, "not_wired", "the account has no webhook_url")
        sid = text.id or f"SM{secrets.token_hex(16)}"
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "AccountSid": account.secret.get("account_sid", account.account_id),
            "From": shopper,
            "To": own,
            "Body": text.text,
            "NumMedia": "0",
            "NumSegments": str(segments(text.text)),
            "ApiVersion": API_VERSION,
        }
        if account.advanced_opt_out and (kind := classify(text.text)):
            form["OptOutType"] = kind
        try:
            return pass_through(await self._post(account, account.webhook_url, form))
        except UnreachableError as error:
            return control_error(504, "webhook_unreachable", str(error))

    async def _post(self, account: Account, url: str, form: dict[str, str]) -> httpx.Response:
        """Post a form signed with the account's auth token."""
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        token = account.secret.get("auth_token") or account.webhook_secret
        if token:
            headers["x-twilio-signature"] = twilio_signature(token, url, form.items())
        return await self.outbound.post(url, urlencode(form).encode(), headers)


def _refuse(error: TwilioError) -> JSONResponse:
    return JSONResponse(error.body(), status_code=error.status)


def _number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, "")
    return int(value) if value.isdigit() else default


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    user, colon, password = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise TwilioError(401, 20003, "Authenticate")
    return user, password
