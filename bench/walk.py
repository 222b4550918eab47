"""The operations that are counted, done in tests/world: real handlers, moto, sandbox platforms."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bench.capacity import WireItem, indexes_of
from bench.groups import many_groups
from bench.meter import Bill, Meter, hooked
from concord.adapters.dynamodb import table
from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.parameters import SsmSecrets
from tests.support.tables import schema
from tests.world.mailing import handed_over
from tests.world.sandbox_http import SandboxHttp, SandboxTransport
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import World, world

FUNCTIONS: Final = {
    "WebhookReceive": "functions.webhooks.receive",
    "ConnectApi": "functions.connect.app",
    "AdminApi": "functions.admin.app",
    "SyncRelay": "functions.sync.relay",
    "SyncRunTask": "functions.sync.run_task",
    "BroadcastReceipts": "functions.broadcasts.receipts",
}
type Handler = Callable[[dict[str, Any], Any], Any]


class _Counted(httpx.BaseTransport):
    """Counts the calls to platforms on their way."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.calls = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return self._inner.handle_request(request)


@dataclass
class House:
    """A world whose functions are metered, and one connected shop in it."""

    world: World
    shop: Shop
    meter: Meter
    platforms: _Counted

    # --- what is counted ---------------------------------------------------------------------

    def opt_out_webhook(self, *, cold: bool = False) -> Bill:
        """An opted-in shopper texts STOP: the webhook, up to its answer."""
        number = self._opted_in()
        self._start(cold=cold)
        with self.meter.billing() as bill:
            self._webhook(number, "STOP")
        return bill

    def join_webhook(self, *, cold: bool = False) -> Bill:
        """Somebody whom nobody has seen texts JOIN: the webhook, up to its answer."""
        self._start(cold=cold)
        with self.meter.billing() as bill:
            self._webhook(new_number(), "JOIN")
        return bill

    def connect_opt_out(self, *, cold: bool = False) -> Bill:
        """A cashier opts an opted-in shopper out: the call, up to its answer."""
        body = {
            "event_id": new_number(),
            "action": "opt_out",
            "channel": "sms",
            "point": self._opted_in(),
            "via": "pos",
            "actor": "cashier 7",
        }
        self._start(cold=cold)
        with self.meter.billing() as bill:
            answer = self.shop.connect("POST", "/consents", body)
        assert answer["statusCode"] == 200, answer
        return bill

    def push_consent(self, *, cold: bool = False) -> Bill:
        """One opt-out reaches CATAPULT, where a shopper carries the number: the task alone."""
        self._webhook(self._opted_in(), "STOP")
        (row,) = (r for r in self.world.rows("TU#") if "due_pk" in r and _pushes(r, "catapult"))
        self._start(cold=cold)
        with self.meter.billing() as bill:
            left = self.world.run_task({"pk": row["pk"], "sk": row["sk"]})
        assert not left
        return bill

    def stop_end_to_end(self) -> tuple[Bill, int]:
        """STOP until both platforms know and the confirmation is out; and the calls to platforms.

        Warm. The platform's receipt for the confirmation is no part of it.
        """
        number = self._opted_in()
        self._start(cold=False)
        called = self.platforms.calls
        with self.meter.billing() as bill:
            self._webhook(number, "STOP")
            self.world.pump()
        assert self.shop.contact(number) is False
        return bill, self.platforms.calls - called

    def receipt_webhook(self, *, cold: bool = False) -> Bill:
        """A platform tells what became of a text of a broadcast: the webhook, up to its answer."""
        mailing = handed_over(self.shop, 1, chunk=new_number()[1:], joined=False)
        self._start(cold=cold)
        with self.meter.billing() as bill:
            assert mailing.tells("delivered", 0) == 204
        return bill

    def receipts(self, size: int, *, bulk: bool) -> Bill:
        """The first word on `size` recipients of a slice, merged in one batch by a warm one."""
        self.world.merge_receipts()
        mailing = handed_over(self.shop, size, chunk=new_number()[1:], joined=False)
        for place in range(size):
            assert mailing.tells("delivered", place, bulk=bulk) == 204
        with self.meter.billing() as bill:
            assert self.world.merge_receipts() == size
        return bill

    def group_list(self) -> Bill:
        """An operator lists 200 groups over 100,000 shoppers, a hundred on a page: the first."""
        many_groups(self.world.parts.table, self.shop)
        self._start(cold=False)
        with self.meter.billing() as bill:
            answer = self.shop.admin("GET", "/groups?limit=100")
        assert len(self.world.body(answer)["items"]) == 100, answer
        return bill

    # --- how ---------------------------------------------------------------------------------

    def signed_stop(self) -> tuple[str, bytes, dict[str, str]]:
        """Return path, body and headers of an opted-in shopper's STOP."""
        return self._signed(self._opted_in(), "STOP")

    def _opted_in(self) -> str:
        number = new_number()
        self.shop.shopper(f"s-{number}", number)
        saved = self.shop.connect("PUT", f"/shoppers/s-{number}", {"phones": [number]})
        assert saved["statusCode"] in (200, 201), saved
        self._webhook(number, "JOIN")
        self.world.pump()
        assert self.shop.phones(f"s-{number}") == {number: True}
        return number

    def _start(self, *, cold: bool) -> None:
        """Empty every memory, or fill it: warm means that connection and secrets are known.

        The clock of these memories stands still, so that a slow machine does not look cold.
        """
        self.world.cold()
        parts = self.world.parts
        parts.__dict__["connections"] = DynamoDbConnections(parts.table, _stopped)
        parts.__dict__["secrets"] = SsmSecrets(parts.config.parameter_prefix, monotonic=_stopped)
        if not cold:
            self._webhook(new_number(), "what is this")

    def _webhook(self, number: str, text: str) -> None:
        path, body, headers = self._signed(number, text)
        answer = self.world.receive(path, body, headers)
        assert answer["statusCode"] == 204, answer

    def _signed(self, number: str, text: str) -> tuple[str, bytes, dict[str, str]]:
        shop = self.shop
        path = httpx.URL(shop.webhooks["text_em_all"]).path.removeprefix("/test")
        body, signature = signed_inbound(shop.webhook_secret, number, shop.text_number, text)
        return path, body, {**GATEWAY_HEADERS, **signature}


# What API Gateway adds to a sender's own headers, about: they are kept in the inbox and cost bytes.
GATEWAY_HEADERS: Final = {
    "Accept": "*/*",
    "CloudFront-Forwarded-Proto": "https",
    "Host": "abc123.execute-api.us-east-1.amazonaws.com",
    "User-Agent": "Text-Em-All/1.0",
    "X-Amzn-Trace-Id": "Root=1-6740a1b2-0123456789abcdef01234567",
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


@contextmanager
def house() -> Iterator[House]:
    """Yield a metered house; nothing of it outlives the block."""

    def read_item(name: str, key: WireItem) -> WireItem | None:
        answer = made.world.dynamodb.get_item(TableName=name, Key=key, ConsistentRead=True)
        found: WireItem | None = answer.get("Item")
        return found

    meter = Meter(indexes_of(schema()), read_item)
    with ExitStack() as stack:
        stack.enter_context(hooked(meter))
        stack.enter_context(_unhurried())
        place = stack.enter_context(world())
        platforms = _Counted(SandboxTransport(place.sandbox))
        place.http = SandboxHttp(platforms)
        place.cold()
        made = House(place, place.shop(), meter, platforms)
        for function, module in FUNCTIONS.items():
            stack.enter_context(_metered(meter, function, module))
        yield made


@contextmanager
def _metered(meter: Meter, function: str, module_name: str) -> Iterator[None]:
    """Bill what a function's handler sends to that function."""
    module = importlib.import_module(module_name)
    handler: Handler = module.lambda_handler

    def metered(event: dict[str, Any], context: Any) -> Any:
        with meter.running(function):
            return handler(event, context)

    module.__dict__["lambda_handler"] = metered
    try:
        yield
    finally:
        module.__dict__["lambda_handler"] = handler


@contextmanager
def _unhurried() -> Iterator[None]:
    """Lift the table budget: an emulator on a slow machine must not look like a table away."""
    within = table.within
    vars(table)["within"] = lambda _seconds: nullcontext()
    try:
        yield
    finally:
        vars(table)["within"] = within


def _stopped() -> float:
    return 0.0


def _pushes(row: Mapping[str, Any], platform: str) -> bool:
    return bool(row["kind"] == "push_consent" and row["payload"]["platform"] == platform)
