"""A shop with both accounts connected, and what its people do."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.canaries import FIRST_NAME, LAST_NAME
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
