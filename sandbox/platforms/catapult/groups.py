"""What LoyaltyBot does: put shoppers into groups and take them out, and perhaps tell Concord."""

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from sandbox.accounts import Account, Group, Seed, Shopper
from sandbox.web import Outbound, UnreachableError, compact

_TIMEOUT_SECONDS = 6.0


class GroupChange(Seed):
    """Body of `POST /catapult/_groups`: who joins and who leaves a group.

    `notify` names what Concord is told by: the group as a whole, each shopper, or nothing at all.
    """

    account_id: str
    group_id: str = Field(min_length=1)
    name: str | None = None
    add: list[str] = Field(default_factory=list)
    remove: list[str] = Field(default_factory=list)
    notify: Literal["group", "shoppers"] | None = None


def change(account: Account, wanted: GroupChange) -> list[Shopper]:
    """Change the membership and return the shoppers that it concerned."""
    known = next((group for group in account.groups if group.id == wanted.group_id), None)
    if known is None:
        known = Group(id=wanted.group_id, name=wanted.name or wanted.group_id)
        account.groups.append(known)
    known.name = wanted.name or known.name
    moved = [s for s in account.shoppers if s.id in {*wanted.add, *wanted.remove}]
    for shopper in moved:
        others = [group for group in shopper.groups if group != wanted.group_id]
        shopper.groups = [*others, wanted.group_id] if shopper.id in wanted.add else others
    return moved


async def tell(
    outbound: Outbound, account: Account, wanted: GroupChange, moved: list[Shopper]
) -> list[int]:
    """Tell Concord, and return what it answered to each call; 504 = nobody did."""
    base = f"{(account.api_url or '').rstrip('/')}/connect/{account.connection_id}"
    headers = {
        "authorization": f"Bearer {account.connect_key}",
        "content-type": "application/json",
    }
    statuses = []
    for path, body in _calls(account, wanted, moved):
        try:
            answer = await outbound.put(base + path, compact(body), headers, _TIMEOUT_SECONDS)
            statuses.append(answer.status_code)
        except UnreachableError:
            statuses.append(504)
    return statuses


def _calls(
    account: Account, wanted: GroupChange, moved: list[Shopper]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if wanted.notify == "group":
        name = next(group.name for group in account.groups if group.id == wanted.group_id)
        members = [s.id for s in account.shoppers if wanted.group_id in s.groups]
        path = f"/groups/{quote(wanted.group_id, safe='')}"
        yield path, {"name": name, "shopper_ids": members}
    elif wanted.notify == "shoppers":
        for shopper in moved:
            yield f"/shoppers/{quote(shopper.id, safe='')}", as_connect_body(shopper)


def as_connect_body(shopper: Shopper) -> dict[str, Any]:
    """Return a shopper as `PUT /connect/{cid}/shoppers/{id}` takes her."""
    body = shopper.model_dump(include={"first_name", "last_name", "email", "groups", "guest"})
    address = shopper.address.model_dump(exclude_none=True) if shopper.address else {}
    return {
        **{name: value for name, value in body.items() if value is not None},
        "phones": [phone.number for phone in shopper.phones],
        "attributes": address,
    }
