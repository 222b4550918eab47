"""A shop that exports its customers to Ecomail, and what its people do."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from tests.sandbox.harness import BASE as SANDBOX
from tests.support.canaries import SECRET
from tests.world.shop import Shop
from tests.world.world import World

LIST = 7
_emails = itertools.count(1)


def new_email() -> str:
    """Return an address that nobody has used in this run."""
    return f"person{next(_emails)}@shop.example"


@dataclass
class Exporting(Shop):
    """One merchant with an Ecomail account, and a programme unless Ellity keeps the points."""

    @property
    def ecomail(self) -> str:
        return self.tea_account

    def customer(self, customer_id: str, email: str, **more: Any) -> dict[str, Any]:
        """Save a customer as her shop does."""
        body = {"first_name": "Ana", "email": email, **more}
        return self.connect("PUT", f"/shoppers/{customer_id}", body)

    def subscriber(self, email: str) -> dict[str, Any]:
        """Return the contact as Ecomail shows it; {} = it is not there."""
        answer = self.world.sandbox.get(f"/ecomail/_subscribers/{self.ecomail}/{email}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    def fields(self, email: str) -> dict[str, Any]:
        """Return the contact's fields, without their types."""
        shown = self.subscriber(email).get(str(LIST), {}).get("custom_fields", {})
        return {k: v["value"] if isinstance(v, dict) else v for k, v in shown.items()}

    def events(self) -> list[dict[str, Any]]:
        """Return the events that Ecomail was told, oldest first."""
        return list(self.world.sandbox.get(f"/ecomail/_events/{self.ecomail}").json())

    def credit(self, credit: int, times: int = 1, **more: Any) -> list[int]:
        """Let Ellity tell of a customer's points; returns what its webhook was answered.

        `id`, `email`, `delta` and `template` as Ellity has them.
        """
        told = {name: more.pop(name) for name in ("id", "email") if name in more}
        change: dict[str, Any] = {"customer": {**told, "credit": credit}, "times": times, **more}
        change["account_id"] = f"ell-{self.merchant_id}"
        answer = self.world.sandbox.post("/ellity/_credit", json=change)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["statuses"])

    def form(self, email: str, *, joins: bool) -> None:
        """Let a person sign up for the newsletter, or leave it, by Ecomail's own form."""
        action = "subscribe" if joins else "unsubscribe"
        self._posts("_form", email, action=action)

    def confirms(self, email: str) -> None:
        """Let a person confirm her sign-up by the link she was mailed: nobody is told of it."""
        self._posts("_form", email, action="confirm")

    def hears(self, email: str, times: int = 1) -> None:
        """Let Ecomail tell of a subscription late, or once more."""
        self._posts("_hook", email, times=times)

    def has_list(self, **settings: Any) -> None:
        """Set the list as its owner does: `double_optin`, `dated`, `webhook_url`."""
        path = f"/ecomail/_lists/{self.ecomail}/{LIST}"
        answer = self.world.sandbox.put(path, json=settings)
        assert answer.status_code == 200, answer.text

    def _posts(self, control: str, email: str, **more: Any) -> None:
        body = {"account_id": self.ecomail, "list_id": LIST, "email": email, **more}
        answer = self.world.sandbox.post(f"/ecomail/{control}", json=body)
        assert answer.status_code == 200, answer.text


def exporting(
    house: World,
    name: str = "m1",
    *,
    connected: bool = True,
    points_at_ellity: bool = False,
    **programme: Any,
) -> Exporting:
    """Make a merchant with a programme and a connection that exports its customers.

    `points_at_ellity`: the connection has no programme, and Ellity tells of its customers' points.
    """
    account = f"eco-{name}"
    key = {"api_key": f"{SECRET}eco-{name}"}
    house.sandbox.seed("ecomail", account, credentials=key)
    merchant = {"name": "Kavarna", "time_zone": "Europe/Prague", "country": "CZ"}
    assert house.admin("PUT", f"/v1/merchants/{name}", merchant)["statusCode"] == 200
    rules = {"name": "Beans", "currency": "CZK", "points_per_unit": "0.1", **programme}
    put = house.admin("PUT", f"/v1/merchants/{name}/programmes/beans", rules)
    assert put["statusCode"] in (200, 201), put
    made = house.admin(
        "POST",
        f"/v1/merchants/{name}/connections",
        {
            "integration": "ellity-ecomail",
            "source": {
                "platform": "ellity",
                "account_id": f"ell-{name}",
                "base_url": f"{SANDBOX}/ellity",
                "credentials": {},
            },
            "destination": {
                "platform": "ecomail",
                "account_id": account,
                "base_url": f"{SANDBOX}/ecomail",
                "credentials": key,
                "settings": {"list_id": str(LIST)},
            },
            "settings": {"programme": None if points_at_ellity else "beans", "sync_hours": None},
        },
    )
    assert made["statusCode"] == 201, made
    connection = house.body(made)
    shop = Exporting(
        world=house,
        merchant_id=name,
        connection_id=connection["connection_id"],
        connect_key=connection["connect_key"],
        webhooks=connection["webhooks"],
        webhook_secret=connection["webhook_secret"],
        text_number="",
        tea_account=account,
        catapult_account="",
    )
    house.sandbox.seed("ellity", f"ell-{name}", webhook_url=connection["webhooks"]["ellity"])
    hook = {"name": "Customers", "webhook_url": connection["webhooks"]["ecomail"]}
    answer = house.sandbox.put(f"/ecomail/_lists/{account}/{LIST}", json=hook)
    assert answer.status_code == 200, answer.text
    if connected:
        for state in ("pending", "connected"):
            shop.move(state)
    return shop
