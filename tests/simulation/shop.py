"""A merchant drawn by dice: a zone, a programme, an Ecomail list, customers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from concord.domain.identity import member_key
from concord.domain.points.account import AccountKey
from concord.entrypoint.observability import FunctionFailedError
from tests.sandbox.harness import BASE as SANDBOX
from tests.simulation.house import House
from tests.simulation.rules import Rules

LIST: Final = 7
PROGRAMME: Final = "beans"
ZONES: Final = (
    "Pacific/Honolulu",
    "America/New_York",
    "America/St_Johns",
    "Europe/Prague",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)


@dataclass
class Customer:
    """Somebody of a shop, as her shop saved her last. `former` are addresses that she had."""

    own_id: str
    email: str
    known: bool = False
    pin: str = "1000"
    name: str = "Ana"
    former: list[str] = field(default_factory=list)


@dataclass
class Shop:
    """One merchant, one connection, and how its people call us."""

    house: House
    merchant_id: str
    zone: ZoneInfo
    rules: Rules
    connection_id: str = ""
    connect_key: str = ""
    customers: list[Customer] = field(default_factory=list)

    @property
    def ecomail(self) -> str:
        """Return the account at Ecomail."""
        return f"eco-{self.merchant_id}"

    @property
    def contacts(self) -> dict[str, Any]:
        """Return the list as Ecomail keeps it, by address."""
        ecomail: Any = self.house.sandbox.world.platforms["ecomail"]
        found: dict[str, Any] = ecomail.ledger(self.ecomail).lists[LIST].subscribers
        return found

    def today(self, at: datetime | None = None) -> date:
        """Return the merchant's day."""
        return (at or self.house.virtual.now()).astimezone(self.zone).date()

    def key(self, customer: str) -> AccountKey:
        """Return a customer's account."""
        stack_key = self.house.quiet.secrets.stack_key()
        name = member_key(stack_key, self.merchant_id, PROGRAMME, customer)
        return AccountKey(self.merchant_id, PROGRAMME, name)

    # --- how it calls us ---------------------------------------------------------------------

    def tells(
        self,
        name: str,
        call: Callable[[], dict[str, Any]],
        then: Callable[[int, dict[str, Any]], None],
        seconds: float = 0.0,
    ) -> None:
        """Call us till there is an answer; whoever gets none, or an error of ours, asks again."""

        def again() -> None:
            self.house.trace.count("calls repeated")
            self.tells(name, call, then, self.house.dice.choice([1.0, 4.0, 30.0]))

        def work() -> None:
            try:
                answer = call()
                if self.house.wire.chance(self.house.wire.troubles.repeated):
                    self.house.trace.count("calls told twice")
                    answer = call()
            except FunctionFailedError:
                again()
                return
            status = int(answer["statusCode"])
            if status in (429, 500, 502, 503, 504):
                again()
                return
            self.house.trace.step(f"{name} -> {status}")
            then(status, json.loads(answer["body"]) if answer.get("body") else {})

        self.house.spawn(seconds, name, work, again)

    def connect(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """Call the Connect API."""
        where = f"/connect/{self.connection_id}{path}"
        return self.house.connect(method, where, self.connect_key, body)

    def form(self, email: str, action: str) -> None:
        """Let a person fill in Ecomail's own form."""
        body = {"account_id": self.ecomail, "list_id": LIST, "email": email, "action": action}
        self.house.sandbox.post("/ecomail/_form", json=body)


def opens(house: House, dice: random.Random, merchant_id: str, zone: str) -> Shop:
    """Make a merchant with everything, through the admin API, before anything goes wrong."""
    shop = Shop(house, merchant_id, ZoneInfo(zone), Rules.drawn(dice))
    credentials = {"api_key": f"key-{merchant_id}"}
    house.sandbox.seed("ecomail", shop.ecomail, credentials=credentials)
    merchant = {"name": "Kavarna", "time_zone": zone, "country": "CZ"}
    _ok(house.admin("PUT", f"/v1/merchants/{merchant_id}", merchant))
    programme = f"/v1/merchants/{merchant_id}/programmes/{PROGRAMME}"
    _ok(house.admin("PUT", programme, shop.rules.as_body()))
    made = _ok(house.admin("POST", f"/v1/merchants/{merchant_id}/connections", _connection(shop)))
    shop.connection_id, shop.connect_key = made["connection_id"], made["connect_key"]
    hook = {"name": "Customers", "webhook_url": made["webhooks"]["ecomail"]}
    house.sandbox.put(f"/ecomail/_lists/{shop.ecomail}/{LIST}", json=hook)
    for state in ("pending", "connected"):
        path = f"/v1/connections/{shop.connection_id}/state"
        _ok(house.admin("POST", path, {"state": state}))
    for number in range(dice.randint(2, 5)):
        email = f"p{number}@{merchant_id}.example"
        shop.customers.append(Customer(f"c{number}", email))
    house.trace.step(f"{merchant_id} in {zone}: {shop.rules}")
    return shop


def _connection(shop: Shop) -> dict[str, Any]:
    return {
        "integration": "ellity-ecomail",
        "source": {
            "platform": "ellity",
            "account_id": f"ell-{shop.merchant_id}",
            "base_url": f"{SANDBOX}/ellity",
            "credentials": {},
        },
        "destination": {
            "platform": "ecomail",
            "account_id": shop.ecomail,
            "base_url": f"{SANDBOX}/ecomail",
            "credentials": {"api_key": f"key-{shop.merchant_id}"},
            "settings": {"list_id": str(LIST)},
        },
        "settings": {"programme": PROGRAMME, "sync_hours": None},
    }


def _ok(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["statusCode"] < 300, answer
    return dict(json.loads(answer["body"]))
