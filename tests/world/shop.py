"""A shop with both accounts connected, and what its people do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.sandbox.harness import BASE as SANDBOX
from tests.support.canaries import FIRST_NAME, LAST_NAME, SECRET
from tests.world.events import BASE_URL
from tests.world.world import World

_numbers = itertools.count(1_000_000)


def new_number() -> str:
    """Return a phone number that nobody has used in this run."""
    return f"+1555{next(_numbers):07d}"


@dataclass
class Shop:
    """One merchant, one connection."""

    world: World
    merchant_id: str
    connection_id: str
    connect_key: str
    webhooks: dict[str, str]
    webhook_secret: str
    text_number: str
    tea_account: str
    catapult_account: str

    # --- what shoppers and staff do ---------------------------------------------------------

    def texts(self, sender: str, text: str, **more: Any) -> httpx.Response:
        """A shopper texts; the answer is our webhook's."""
        body = {"from": sender, "to": self.text_number, "text": text, **more}
        return self.world.sandbox.post("/text_em_all/_handset", json=body)

    def till(self, action: str, point: str, via: str = "pos", **more: Any) -> httpx.Response:
        """A cashier, web cart or back office acts; the answer is what that person sees."""
        body = {
            "account_id": self.catapult_account,
            "via": via,
            "action": action,
            "point": point,
            "actor": "cashier 7",
            **more,
        }
        return self.world.sandbox.post("/catapult/_pos", json=body)

    def connect(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the Connect API with this shop's key; returns the gateway response."""
        return self.world.connect(
            method, f"/connect/{self.connection_id}{path}", self.connect_key, body
        )

    def admin(self, method: str, path: str = "", body: Any = None) -> dict[str, Any]:
        """Call the admin API about this connection; returns the gateway response."""
        return self.world.admin(method, f"/v1/connections/{self.connection_id}{path}", body)

    def move(self, state: str) -> None:
        """Let an operator move the connection."""
        moved = self.admin("POST", "/state", {"state": state})
        assert moved["statusCode"] == 200, moved

    # --- what each side shows ---------------------------------------------------------------

    def consent(self, point: str, channel: str = "sms") -> str:
        """Return the state as the Connect API answers it."""
        answer = self.connect("GET", f"/consents/{channel}/{point.replace('+', '%2B')}")
        return str(self.world.body(answer)["state"])

    def inbox_of(self, number: str) -> list[str]:
        """Return the texts that a handset received."""
        return [t["text"] for t in self.world.sandbox.get(f"/text_em_all/_handset/{number}").json()]

    def contact(self, number: str) -> bool | None:
        """Return whether Text-Em-All shows the number as opted in; None = never told."""
        shown = self.world.sandbox.get(f"/text_em_all/_contacts/{number}").json()["opted_in"]
        return None if shown is None else bool(shown)

    def phones(self, shopper_id: str) -> dict[str, bool]:
        """Return what CATAPULT shows of a shopper's numbers."""
        path = f"/catapult/_shoppers/{self.catapult_account}/{shopper_id}"
        phones = self.world.sandbox.get(path).json()["phones"]
        return {p["number"]: bool(p["opted_in"]) for p in phones}

    def shopper(self, shopper_id: str, *phones: str) -> None:
        """Seed a shopper in CATAPULT."""
        self.world.sandbox.seed(
            "catapult",
            self.catapult_account,
            shoppers=[
                {
                    "id": shopper_id,
                    "first_name": FIRST_NAME,
                    "last_name": LAST_NAME,
                    "phones": list(phones),
                    "groups": [],
                }
            ],
        )


def open_shop(
    world: World,
    name: str = "m1",
    text_number: str = "",
    *,
    states: Sequence[str] = ("pending", "connected"),
    messaging: str = "",
    **settings: Any,
) -> Shop:
    """Make a merchant with a pair of accounts, through the admin API, and walk it to a state.

    `messaging` names another Text-Em-All account for the same merchant and shop account. Its
    groups and shoppers are read only where a test says so (`sync_hours`).
    """
    settings.setdefault("sync_hours", None)
    own = messaging or name
    text_number = text_number or new_number()
    tea, catapult = f"tea-{own}", f"cat-{name}"
    credentials = {
        "consumer_key": f"{SECRET}ck-{own}",
        "consumer_secret": f"{SECRET}cs-{own}",
        "access_token": f"{SECRET}at-{own}",
    }
    world.sandbox.seed("text_em_all", tea, text_numbers=[text_number], credentials=credentials)
    world.sandbox.seed("catapult", catapult, credentials={"api_key": f"{SECRET}key-{name}"})
    put = world.admin(
        "PUT",
        f"/v1/merchants/{name}",
        {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"},
    )
    assert put["statusCode"] in (200, 201), put
    made = world.admin(
        "POST",
        f"/v1/merchants/{name}/connections",
        {
            "integration": "catapult-text_em_all",
            "source": {
                "platform": "catapult",
                "account_id": catapult,
                "base_url": f"{SANDBOX}/catapult",
                "credentials": {"api_key": f"{SECRET}key-{name}"},
            },
            "destination": {
                "platform": "text_em_all",
                "account_id": tea,
                "base_url": f"{SANDBOX}/text_em_all/v1",
                "credentials": credentials,
            },
            "settings": settings,
        },
    )
    assert made["statusCode"] == 201, made
    connection = world.body(made)
    shop = Shop(
        world=world,
        merchant_id=name,
        connection_id=connection["connection_id"],
        connect_key=connection["connect_key"],
        webhooks=connection["webhooks"],
        webhook_secret=connection["webhook_secret"],
        text_number=text_number,
        tea_account=tea,
        catapult_account=catapult,
    )
    world.sandbox.seed(
        "text_em_all",
        tea,
        webhook_url=shop.webhooks["text_em_all"],
        webhook_secret=shop.webhook_secret,
    )
    world.sandbox.seed(
        "catapult",
        catapult,
        api_url=BASE_URL,
        connection_id=shop.connection_id,
        connect_key=shop.connect_key,
    )
    for state in states:
        shop.move(state)
    return shop
