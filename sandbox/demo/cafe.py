"""The coffee house of the points steps: a merchant with a programme, and an Ecomail account."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.demo.clients import Admin, Connect, Sandbox, Stack
from sandbox.demo.schedules import run_schedule

REWARD: Final = 50
VALID_DAYS: Final = 4
NOTICE_DAYS: Final = 2
# Its day must not end while the demo runs: one of the two is far from midnight at any time.
_ZONES: Final = ("Europe/Prague", "America/New_York")
_OWN_FIELD: Final = "favourite_cup"


@dataclass(frozen=True, slots=True)
class Guest:
    """A customer of the coffee house."""

    name: str
    customer_id: str
    email: str


class Cafe:
    """What happens there, at its shop and in Ecomail. Nothing is there before `open`."""

    name: Final = "Kavarna"

    def __init__(self, stack: Stack, admin: Admin, sandbox: Sandbox) -> None:
        self._stack, self._admin, self._sandbox = stack, admin, sandbox
        self._mark = secrets.token_hex(4)
        self.merchant_id = f"cafe-{self._mark}"
        self.programme = f"{self.merchant_id}/beans"
        self.account = f"eco-{self._mark}"
        self.api_key = secrets.token_hex(16)
        self.list_id = random.randrange(1000, 10**6)
        self.zone = ZoneInfo(zone_of(datetime.now(UTC)))
        self.connection_id = ""

    # --- the operator's part --------------------------------------------------------------------

    def open(self) -> None:
        """Make the merchant with its programme, and its account with one list at Ecomail."""
        self._sandbox.put_account("ecomail", self.account, credentials={"api_key": self.api_key})
        self._sandbox.put_account("ellity", f"ell-{self._mark}")
        self._list({"name": "Customers", "custom_fields": {_OWN_FIELD: "string"}})
        place = {"name": self.name, "time_zone": self.zone.key, "country": "CZ"}
        self._admin.ask("PUT", f"/merchants/{self.merchant_id}", place)
        rules = {
            "name": "Beans",
            "currency": "CZK",
            "points_per_unit": "0.1",
            "valid_for": {"days": VALID_DAYS},
            "notice_days": NOTICE_DAYS,
            "newsletter_reward": {"points": REWARD, "take_back": True},
        }
        self._admin.ask("PUT", f"/merchants/{self.merchant_id}/programmes/beans", rules)

    def link(self, api_key: str) -> dict[str, Any]:
        """Ask for a connection with this key; return the answer's body, a refusal's too."""
        destination = {
            "platform": "ecomail",
            "account_id": self.account,
            "base_url": f"{self._sandbox.url}/ecomail",
            "credentials": {"api_key": api_key},
        }
        source = {
            "platform": "ellity",
            "account_id": f"ell-{self._mark}",
            "base_url": f"{self._sandbox.url}/ellity",
            "credentials": {},
        }
        wanted = {
            "integration": "ellity-ecomail",
            "source": source,
            "destination": destination,
            "settings": {"programme": "beans"},
        }
        path, headers = self._connections, {"Idempotency-Key": secrets.token_hex(16)}
        made: dict[str, Any] = self._admin.call("POST", path, wanted, headers=headers).json()
        if "connection_id" in made:
            self.connection_id = made["connection_id"]
            self._shop = Connect(self._stack, self.connection_id, made["connect_key"])
            self._webhook = made["webhooks"]["ecomail"]
        return made

    def listen(self) -> None:
        """Set the list's webhook in Ecomail's settings."""
        self._list({"webhook_url": self._webhook})

    def links(self) -> int:
        """Return how many connections there are."""
        return len(self._admin.ask("GET", self._connections)["items"])

    def move(self, state: str) -> None:
        """Move the connection on."""
        self._admin.ask("POST", f"/connections/{self.connection_id}/state", {"state": state})

    @property
    def _connections(self) -> str:
        return f"/merchants/{self.merchant_id}/connections"

    # --- its shop -------------------------------------------------------------------------------

    def guest(self, name: str) -> Guest:
        """Return somebody whom nobody knows yet."""
        person = f"{name.lower()}-{self._mark}"
        return Guest(name, person, f"{person}@cafe.example")

    def regular(self, number: int) -> Guest:
        """Return one of the customers of long ago (scripts/known_customers.py)."""
        name = f"regular-{number}"
        return Guest(name, name, f"{name}@{self.merchant_id}.example")

    def opt_out(self, guest: Guest) -> None:
        """Let the shop tell that a guest wants no e-mail."""
        body = {"channel": "email", "point": guest.email, "action": "opt_out", "via": "account"}
        event = {"event_id": secrets.token_hex(8), **body}
        self._shop.call("POST", "/consents", event).raise_for_status()

    def save(self, guest: Guest) -> None:
        """Let the shop tell of a customer."""
        body = {"first_name": guest.name, "email": guest.email}
        self._shop.call("PUT", f"/shoppers/{guest.customer_id}", body).raise_for_status()

    def order(self, guest: Guest, order_id: str, crowns: str) -> None:
        """Let the shop tell of a completed order."""
        body = {
            "order_id": order_id,
            "status": "completed",
            "completed_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "customer": {"id": guest.customer_id, "email": guest.email},
            "subtotal_ex_tax": crowns,
            "currency": "CZK",
        }
        self._shop.call("POST", "/orders", body).raise_for_status()

    def refund(self, order_id: str, refund_id: str, crowns: str) -> None:
        """Let the shop tell of a refund."""
        body = {"refund_id": refund_id, "amount_ex_tax": crowns}
        self._shop.call("POST", f"/orders/{order_id}/refunds", body).raise_for_status()

    def points(self, guest: Guest) -> dict[str, Any]:
        """Return what a guest has, as an operator sees it."""
        path = f"/merchants/{self.merchant_id}/programmes/beans/accounts/{guest.customer_id}"
        found: dict[str, Any] = self._admin.ask("GET", path)
        return found

    # --- Ecomail --------------------------------------------------------------------------------

    def form(self, guest: Guest, times: int = 1) -> list[int]:
        """Let a guest sign up by Ecomail's form; return how Concord answered its webhooks."""
        asked = {"account_id": self.account, "list_id": self.list_id, "email": guest.email}
        asked |= {"action": "subscribe", "times": times}
        answer = self._sandbox.call("POST", "/ecomail/_form", asked)
        answer.raise_for_status()
        statuses: list[int] = answer.json()["statuses"]
        return statuses

    def shown(self, guest: Guest) -> dict[str, Any]:
        """Return the guest's fields as Ecomail shows them; {} = she is not there."""
        path = f"/ecomail/_subscribers/{self.account}/{guest.email}"
        contact = self._sandbox.call("GET", path).json().get(str(self.list_id), {})
        return dict(contact.get("custom_fields", {}))

    def events(self, guest: Guest, label: str) -> list[dict[str, Any]]:
        """Return what Ecomail was told of a guest, oldest first."""
        told = self._sandbox.call("GET", f"/ecomail/_events/{self.account}").json()
        mine = [e for e in told if e["email"] == guest.email and e["label"] == label]
        return [json.loads(each["value"]) for each in mine]

    def list_now(self) -> dict[str, Any]:
        """Return the list as its owner sees it, with what its webhook was answered."""
        (found,) = self._sandbox.call("GET", f"/ecomail/_lists/{self.account}").json()
        return dict(found)

    def writes(self) -> list[dict[str, Any]]:
        """Return the bodies that Ecomail got for this list's contacts, and all events, in order."""
        own = f"/lists/{self.list_id}"
        paths = (f"{own}/subscribe", f"{own}/update-subscriber", "/tracker/events")
        calls = self._sandbox.calls("ecomail")
        return [call["body"] for call in calls if call["path"].endswith(paths)]

    def bulk_calls(self) -> int:
        """Return how often many contacts were written with one call."""
        calls = self._sandbox.calls("ecomail")
        path = f"/lists/{self.list_id}/subscribe-bulk"
        return sum(call["path"].endswith(path) for call in calls)

    def _list(self, wanted: dict[str, Any]) -> None:
        path = f"/ecomail/_lists/{self.account}/{self.list_id}"
        self._sandbox.call("PUT", path, wanted).raise_for_status()

    # --- time -----------------------------------------------------------------------------------

    @property
    def today(self) -> date:
        return datetime.now(self.zone).date()

    def night(self, day: date, *, again: bool = False) -> None:
        """Run the hourly schedule as of noon of a day; `again` = that day's night once more."""
        noon = datetime.combine(day, time(12), self.zone)
        more = {"again": self.merchant_id} if again else {}
        run_schedule(self._stack, "ExpiryStart", noon, **more)

    def reported(self, day: date) -> bool:
        """Whether the day is reported: that ends the night after it."""
        path = f"/merchants/{self.merchant_id}/programmes/beans/reports/{day}"
        return self._admin.call("GET", path).status_code == 200


def zone_of(now: datetime) -> str:
    """Return a zone where no day ends within the hour."""
    soon = now + timedelta(hours=1)
    days = ((z, now.astimezone(ZoneInfo(z)), soon.astimezone(ZoneInfo(z))) for z in _ZONES)
    return next(zone for zone, here, then in days if here.date() == then.date())
