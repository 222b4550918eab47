"""A shop for one run: a merchant of its own, an account at each platform, linked and connected."""

import random
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.demo.clients import Admin, Sandbox, Stack


@dataclass(frozen=True, slots=True)
class Shop:
    """A connected merchant. `number` is the first of its text numbers: the default fallback."""

    merchant_id: str
    name: str
    connection_id: str
    connect_key: str = field(repr=False)
    webhook_url: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    source_account: str
    account: str
    text_numbers: tuple[str, ...]
    credentials: dict[str, dict[str, str]] = field(repr=False)

    @property
    def number(self) -> str:
        return self.text_numbers[0]


def open_shop(stack: Stack, admin: Admin, sandbox: Sandbox, name: str = "Corner Grocer") -> Shop:
    """Do what an operator and the two platforms do until a merchant is connected."""
    mark = secrets.token_hex(4)
    merchant_id = f"shop-{mark}"
    source_account, account = f"catapult-{mark}", f"tea-{mark}"
    numbers = tuple(toll_free_number() for _ in range(2))
    credentials = seed_accounts(sandbox, source_account, account, numbers)

    place = {"name": name, "time_zone": "America/Chicago", "country": "US"}
    admin.ask("PUT", f"/merchants/{merchant_id}", place)
    wanted = connection_body(sandbox.url, source_account, account, credentials)
    path = f"/merchants/{merchant_id}/connections"
    made = admin.ask("POST", path, wanted, headers={"Idempotency-Key": secrets.token_hex(16)})
    shop = Shop(
        merchant_id=merchant_id,
        name=name,
        connection_id=made["connection_id"],
        connect_key=made["connect_key"],
        webhook_url=made["webhooks"]["text_em_all"],
        webhook_secret=made["webhook_secret"],
        source_account=source_account,
        account=account,
        text_numbers=numbers,
        credentials=credentials,
    )
    wire(stack, sandbox, shop)
    for state in ("pending", "connected"):
        admin.ask("POST", f"/connections/{shop.connection_id}/state", {"state": state})
    return shop


def seed_accounts(
    sandbox: Sandbox, source_account: str, account: str, numbers: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Open an account at each platform; return their credentials as a connection wants them."""
    destination = {
        name: secrets.token_hex(16) for name in ("consumer_key", "consumer_secret", "access_token")
    }
    source = {"api_key": secrets.token_hex(16)}
    sandbox.put_account("catapult", source_account, credentials=source)
    sandbox.put_account("text_em_all", account, credentials=destination, text_numbers=list(numbers))
    return {"source": source, "destination": destination}


def connection_body(
    sandbox_url: str,
    source_account: str,
    account: str,
    credentials: dict[str, dict[str, str]],
    **settings: Any,
) -> dict[str, Any]:
    """Return the body that links the two accounts."""
    return {
        "integration": "catapult-text_em_all",
        "source": {
            "platform": "catapult",
            "account_id": source_account,
            "base_url": f"{sandbox_url}/catapult",
            "credentials": credentials["source"],
        },
        "destination": {
            "platform": "text_em_all",
            "account_id": account,
            "base_url": f"{sandbox_url}/text_em_all/v1",
            "credentials": credentials["destination"],
        },
        "settings": settings,
    }


def wire(stack: Stack, sandbox: Sandbox, shop: Shop) -> None:
    """Tell the platforms where Concord is: the webhook, and the API that tills call."""
    sandbox.put_account(
        "text_em_all",
        shop.account,
        webhook_url=shop.webhook_url,
        webhook_secret=shop.webhook_secret,
    )
    sandbox.put_account(
        "catapult",
        shop.source_account,
        api_url=stack.api_url,
        connection_id=shop.connection_id,
        connect_key=shop.connect_key,
    )


def toll_free_number() -> str:
    """Return a number for a shop to text from."""
    return f"+1888{random.choice('23456789')}{random.randrange(10**6):06}"
