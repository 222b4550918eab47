"""Ecomail's side of the contract, its list webhooks, and the people who fill in its forms."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account
from sandbox.platforms.base import ALL_METHODS, Platform
from sandbox.platforms.ecomail import bodies, hooks
from sandbox.platforms.ecomail.limit import CALLS_PER_MINUTE, CallLimit
from sandbox.platforms.ecomail.pages import page
from sandbox.platforms.ecomail.store import (
    SUBSCRIBED,
    UNCONFIRMED,
    UNSUBSCRIBED,
    ApiError,
    ContactList,
    Ledger,
)
from sandbox.web import (
    BadBodyError,
    Outbound,
    control_error,
    json_body,
    parse,
)

type Handler = Callable[[Request, Ledger], Awaitable[Response]]

MAX_BULK = 3000  # the rest is ignored, and nothing says so
_IN = (SUBSCRIBED, UNCONFIRMED)


class Ecomail(Platform):
    """The sandbox's Ecomail."""

    name = "ecomail"

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self.ledgers: dict[str, Ledger] = {}
        self._limit = CallLimit()

    def routes(self) -> list[Route]:
        one = "/lists/{list_id:int}"
        contract: list[tuple[str, str, Handler]] = [
            ("GET", "/lists", self._get_lists),
            ("POST", "/lists", self._make_list),
            ("GET", one, self._get_list),
            ("POST", f"{one}/subscribe", self._subscribe),
            ("POST", f"{one}/subscribe-bulk", self._subscribe_bulk),
            ("PUT", f"{one}/update-subscriber", self._update),
            ("DELETE", f"{one}/unsubscribe", self._unsubscribe),
            ("GET", f"{one}/subscribers", self._get_subscribers),
            ("GET", f"{one}/subscriber/{{email}}", self._get_subscriber),
            ("GET", "/subscribers/{email}/events", self._get_events),
            ("DELETE", "/subscribers/{email}/delete", self._delete),
            ("POST", "/tracker/events", self._tell_event),
        ]
        prefix = f"/{self.name}"
        return [
            *self.control_routes(),
            Route(f"{prefix}/_lists/{{account}}", self._show_lists, methods=["GET"]),
            Route(f"{prefix}/_lists/{{account}}/{{list_id:int}}", self._set_list, methods=["PUT"]),
            Route(f"{prefix}/_subscribers/{{account}}/{{email}}", self._show, methods=["GET"]),
            Route(f"{prefix}/_events/{{account}}", self._show_events, methods=["GET"]),
            Route(f"{prefix}/_form", self._form, methods=["POST"]),
            Route(f"{prefix}/_hook", self._hook, methods=["POST"]),
            Route(f"{prefix}/_wait", self._wait, methods=["POST"]),
            *(Route(prefix + p, self._guarded(h), methods=[m]) for m, p, h in contract),
            Route(f"{prefix}/{{path:path}}", self._unknown, methods=ALL_METHODS),
        ]

    def fault_answer(self, status: int, code: str | int | None) -> Response:
        return JSONResponse({"errors": str(code or "The request failed.")}, status_code=status)

    def forget(self, *, accounts: bool) -> None:
        super().forget(accounts=accounts)
        self._limit = CallLimit()
        for ledger in self.ledgers.values():
            ledger.events.clear()
        if accounts:
            self.ledgers.clear()

    def ledger(self, account_id: str) -> Ledger:
        return self.ledgers.setdefault(account_id, Ledger())

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                account = self._authenticate(request)
                allowed = account.calls_per_minute or CALLS_PER_MINUTE
                if (wait := self._limit.take(account.account_id, allowed)) is not None:
                    refused = self.fault_answer(429, "Too many requests")
                    refused.headers["Retry-After"] = str(wait)
                    return refused
                return await handler(request, self.ledger(account.account_id))
            except ApiError as error:
                return JSONResponse(error.body, status_code=error.status)
            except BadBodyError as error:
                return JSONResponse(ApiError(422, body=str(error)).body, status_code=422)

        return guarded

    def _authenticate(self, request: Request) -> Account:
        """Return the account whose key came along."""
        given = request.headers.get("key", "").encode()
        for account in self.accounts:
            expected = account.secret.get("api_key", "").encode()
            if expected and secrets.compare_digest(given, expected):
                return account
        raise ApiError(401, key="wrong api key")

    # --- lists and contacts -----------------------------------------------------------------------

    async def _get_lists(self, request: Request, ledger: Ledger) -> Response:
        return JSONResponse([each.view()["list"] for each in ledger.lists.values()])

    async def _make_list(self, request: Request, ledger: Ledger) -> Response:
        made = ledger.make(await json_body(request, bodies.NewList))
        return JSONResponse(made.view()["list"])

    async def _get_list(self, request: Request, ledger: Ledger) -> Response:
        return JSONResponse(_list_of(request, ledger).view())

    async def _subscribe(self, request: Request, ledger: Ledger) -> Response:
        """Add a contact. LOOP HAZARD: whoever stands in the list after it fires the webhook."""
        there, wanted = _list_of(request, ledger), await json_body(request, bodies.Subscribe)
        contact, known = there.put(
            wanted.subscriber_data,
            update=wanted.update_existing,
            resubscribe=wanted.resubscribe,
            confirmed=wanted.skip_confirmation or not there.double_optin,
        )
        shown = _shown(contact) | ({"already_subscribed": True} if known else {})
        told = [contact] if contact["status"] in _IN else []
        return JSONResponse(shown, background=self._telling(there, told))

    async def _subscribe_bulk(self, request: Request, ledger: Ledger) -> Response:
        there, wanted = _list_of(request, ledger), await json_body(request, bodies.SubscribeBulk)
        new = []
        for data in wanted.subscriber_data[:MAX_BULK]:
            contact, known = there.put(
                data, update=wanted.update_existing, resubscribe=wanted.resubscribe, confirmed=True
            )
            new += [] if known else [contact]
        told = [contact for contact in new if contact["status"] in _IN]
        return JSONResponse({"inserts": len(new)}, background=self._telling(there, told))

    async def _update(self, request: Request, ledger: Ledger) -> Response:
        there, wanted = _list_of(request, ledger), await json_body(request, bodies.Update)
        known = _contact(there, wanted.email)
        data = parse(bodies.SubscriberData, {"email": known["email"], **wanted.subscriber_data})
        contact, _ = there.put(data, update=True, resubscribe=False, confirmed=True)
        return JSONResponse(_shown(contact))

    async def _unsubscribe(self, request: Request, ledger: Ledger) -> Response:
        """Take a contact off the list; by API this fires nothing."""
        there, wanted = _list_of(request, ledger), await json_body(request, bodies.Unsubscribe)
        contact = _contact(there, wanted.email)
        there.stands(contact, UNSUBSCRIBED)
        shown = {name: contact[name] for name in ("id", "email", "status", "custom_fields")}
        times = {name: contact.get(name) for name in ("subscribed_at", "unsubscribed_at")}
        return JSONResponse({**shown, "list_id": there.id, **times, "source": "api"})

    async def _get_subscribers(self, request: Request, ledger: Ledger) -> Response:
        status = request.query_params.get("status")
        found = _list_of(request, ledger).subscribers.values()
        return page(request, [c for c in found if status in (None, str(c["status"]))])

    async def _get_subscriber(self, request: Request, ledger: Ledger) -> Response:
        contact = _contact(_list_of(request, ledger), request.path_params["email"])
        shown = {**contact, "custom_fields": contact["custom_fields"] or [], "groups": []}
        return JSONResponse({"subscriber": shown})

    async def _delete(self, request: Request, ledger: Ledger) -> Response:
        email = request.path_params["email"].lower()
        if not ledger.knows(email):
            raise ApiError(404, email="no such subscriber")
        for each in ledger.lists.values():
            each.subscribers.pop(email, None)
        return JSONResponse({})

    # --- events -----------------------------------------------------------------------------------

    async def _tell_event(self, request: Request, ledger: Ledger) -> Response:
        return JSONResponse(ledger.tell((await json_body(request, bodies.NewEvent)).event))

    async def _get_events(self, request: Request, ledger: Ledger) -> Response:
        email = request.path_params["email"].lower()
        return page(request, [e for e in ledger.events if e["email"].lower() == email])

    async def _unknown(self, request: Request) -> Response:
        return JSONResponse(ApiError(404, path="not found").body, status_code=404)

    # --- the list webhook -------------------------------------------------------------------------

    def _telling(self, there: ContactList, contacts: list[dict[str, Any]]) -> BackgroundTask:
        """Tell of those contacts after the answer has gone out."""
        emails = [contact["email"] for contact in contacts]
        return BackgroundTask(hooks.tell, self.outbound, there, emails, "SUBSCRIBED")

    # --- the controls -----------------------------------------------------------------------------

    async def _show_lists(self, request: Request) -> Response:
        """Show every list as its owner sees it, with what its webhook was answered."""
        found = self.ledger(request.path_params["account"]).lists.values()
        shown = [{**e.view(), "wired": bool(e.webhook_url), "hooks": e.hooks} for e in found]
        return JSONResponse(shown)

    async def _set_list(self, request: Request) -> Response:
        """Make a list by hand, or change it: its name, double opt-in, webhook, own fields."""
        wanted = await json_body(request, bodies.ListSettings)
        ledger = self.ledger(request.path_params["account"])
        list_id = request.path_params["list_id"]
        there = ledger.lists.setdefault(list_id, ContactList(list_id, f"List {list_id}"))
        for name in wanted.model_fields_set - {"custom_fields"}:
            setattr(there, name, getattr(wanted, name))
        there.fields |= wanted.custom_fields
        return JSONResponse(there.view())

    async def _show(self, request: Request) -> Response:
        """Show a contact in each list that has her."""
        ledger, email = self.ledger(request.path_params["account"]), request.path_params["email"]
        lists = ledger.lists.values()
        found = {str(each.id): each.subscribers.get(email.lower()) for each in lists}
        return JSONResponse({name: contact for name, contact in found.items() if contact})

    async def _show_events(self, request: Request) -> Response:
        return JSONResponse(self.ledger(request.path_params["account"]).events)

    async def _wait(self, request: Request) -> Response:
        self._limit.wait((await json_body(request, bodies.Wait)).seconds)
        return JSONResponse({"waited": True})

    async def _form(self, request: Request) -> Response:
        """A person signs up, confirms (which fires nothing) or leaves; answer what was told."""
        form = await json_body(request, bodies.Form)
        there = self.ledger(form.account_id).lists.get(form.list_id)
        if there is None:
            return control_error(404, "unknown_list", "no such list in this account")
        if form.action == "subscribe":
            there.sign_up(parse(bodies.SubscriberData, {"email": form.email}))
        elif (known := there.subscribers.get(form.email.lower())) is None:
            return control_error(404, "unknown_subscriber", "nobody of this address in the list")
        else:
            there.stands(known, SUBSCRIBED if form.action == "confirm" else UNSUBSCRIBED)
        if form.action == "confirm":
            return JSONResponse({"statuses": []})
        word = "SUBSCRIBED" if form.action == "subscribe" else "UNSUBSCRIBED"
        emails = [form.email] * form.times
        told = await hooks.tell(self.outbound, there, emails, word, form.campaign_id)
        return JSONResponse({"statuses": told})

    async def _hook(self, request: Request) -> Response:
        """Post a list's webhook late, or once more, whatever the list shows by now."""
        late = await json_body(request, bodies.Hook)
        there = self.ledger(late.account_id).lists.get(late.list_id)
        if there is None:
            return control_error(404, "unknown_list", "no such list in this account")
        emails = [late.email] * late.times
        return JSONResponse(
            {"statuses": await hooks.tell(self.outbound, there, emails, late.status)}
        )


def _list_of(request: Request, ledger: Ledger) -> ContactList:
    return ledger.find(request.path_params["list_id"])


def _contact(there: ContactList, email: str) -> dict[str, Any]:
    found = there.subscribers.get(email.lower())
    if found is None:
        raise ApiError(404, email="no such subscriber")
    return found


def _shown(contact: dict[str, Any]) -> dict[str, Any]:
    """Return a contact as `subscribe` answers it."""
    names = ("id", "name", "surname", "email", "gender", "inserted_at")
    bounces = {"bounce_soft": 0, "bounced_hard": 0, "bounce_message": None}
    return {**{name: contact.get(name) for name in names}, **bounces}
