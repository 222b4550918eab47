"""Two merchants with a life each, and what one could try to use at the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
from concord.adapters.dynamodb.nights import DynamoDbReports
from concord.adapters.dynamodb.table import Table
from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, new_broadcast_id
from concord.domain.points.report import DayReport
from tests.world.faults import settle
from tests.world.person import Person
from tests.world.shop import Shop
from tests.world.world import TABLE, World

NAME, ADDRESS = "Berenike", "berenike@b.example.com"
# Of a day that both have a report of: what B opened it with.
REPORTED, BETA_OPENED = date(2026, 11, 21), 736_412_905


@dataclass
class Mine:
    """Everything of one merchant that somebody could try to use at another."""

    shop: Shop
    person: Person
    email: str
    shopper_id: str
    group: str
    token: str
    inbox_id: str
    job_id: str
    review_id: str
    failure_id: str
    broadcast_id: str
    programme_id: str
    cursors: dict[str, str]

    @property
    def merchant(self) -> str:
        return self.shop.merchant_id

    @property
    def words(self) -> list[str]:
        """Return what would betray that something of this merchant was read."""
        about = [self.person.number, self.email, NAME, self.inbox_id, self.review_id]
        return [*about, self.group]


def merchant_with_a_life(house: World, name: str) -> Mine:
    """Return a merchant with a life: consents, shoppers, bodies, reviews, cursors."""
    shop = house.shop(name)
    person = Person(shop).texts("JOIN")
    shopper_id, email = f"s-{name}", ADDRESS if name == "beta" else "anna@a.example.com"
    first = NAME if name == "beta" else "Anna"
    group = f"club-of-{name}"
    shopper = {"first_name": first, "email": email, "phones": [person.number]}
    shopper["groups"] = [group, "club"]
    shop.connect("PUT", f"/shoppers/{shopper_id}", shopper)
    mail = {"event_id": "m", "action": "opt_out", "channel": "email", "via": "pos", "point": email}
    shop.connect("POST", "/consents", mail)
    for _ in range(2):
        Person(shop).texts("take me off your list")
    settle(house)
    house.sandbox.fault(platform="catapult", status=400, code=3, times=1)
    Person(shop).texts("JOIN")
    settle(house)
    (failure,) = house.body(shop.admin("GET", "/failures"))["items"]
    now = house.clock.now()
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    job = house.body(house.admin("POST", f"/v1/merchants/{name}/inbox/replays", span))
    settle(house)
    bodies = f"/v1/merchants/{name}/inbox?limit=1"
    inbox = house.body(house.admin("GET", bodies))
    reviews = house.body(shop.admin("GET", "/reviews?kind=fuzzy&limit=1"))
    audit = house.body(shop.admin("GET", "/audit?limit=1"))
    programme_id = f"perks-of-{name}"
    statement = _rewarded(house, shop, programme_id, shopper_id)
    return Mine(
        shop=shop,
        person=person,
        email=email,
        shopper_id=shopper_id,
        group=group,
        token=shop.webhooks["text_em_all"].rsplit("/", 1)[1],
        inbox_id=inbox["items"][0]["inbox_id"],
        job_id=job["job_id"],
        review_id=reviews["items"][0]["review_id"],
        failure_id=failure["failure_id"],
        broadcast_id=_drafted(house, shop),
        programme_id=programme_id,
        cursors={
            "inbox": inbox["cursor"],
            "reviews": reviews["cursor"],
            "audit": audit["cursor"],
            "statement": statement,
        },
    )


def _whose(shop: Shop) -> str:
    """Return the name that betrays B, and another one for A."""
    return NAME if shop.merchant_id == "beta" else "Anna"


def _drafted(house: World, shop: Shop) -> str:
    """Return a draft of this merchant, with words of its own in it."""
    drafted = Broadcast(
        broadcast_id=new_broadcast_id(house.clock.now(), shop.merchant_id.encode().hex()),
        merchant_id=shop.merchant_id,
        connection_id=shop.connection_id,
        name=f"{_whose(shop)}'s sale",
        group_ids=("vip",),
        text=f"{_whose(shop)} sells",
        state=BroadcastState.DRAFT,
        created_at=house.clock.now(),
    )
    audit = AuditEntry(shop.merchant_id, shop.connection_id, house.clock.now(), "x", "x", {})
    made = DynamoDbBroadcasts(Table(TABLE)).create(drafted, audit)
    return made.broadcast_id


def _rewarded(house: World, shop: Shop, programme_id: str, member: str) -> str:
    """Give a member points in a programme with words of its own; returns a cursor of hers."""
    one = f"/v1/merchants/{shop.merchant_id}/programmes/{programme_id}"
    whose = _whose(shop)
    house.admin("PUT", one, {"name": f"{whose}'s perks", "currency": "USD"})
    account = f"{one}/accounts/{member}"
    given = {"amount": 7, "reason": f"{whose}'s birthday", "actor": "dana"}
    for _ in range(2):
        house.admin("POST", f"{account}/adjustments", given)
    report = DayReport(REPORTED, opening=BETA_OPENED if whose == NAME else 1)
    DynamoDbReports(Table(TABLE)).keep(shop.merchant_id, programme_id, report)
    entries = house.body(house.admin("GET", f"{account}/entries?limit=1"))
    return str(entries["cursor"])


def stolen(beta: Mine, *, both_sides: bool = False) -> dict[str, Any]:
    """Return the body that would link accounts of B to merchant A."""
    tea = beta.shop.tea_account
    keys = {"consumer_key": "x", "consumer_secret": "x", "access_token": "x"}
    source = beta.shop.catapult_account if both_sides else "cat-eve"
    where = "http://sandbox.test"
    return {
        "integration": "catapult-text_em_all",
        "source": {
            "platform": "catapult",
            "account_id": source,
            "base_url": f"{where}/catapult",
            "credentials": {"api_key": "x"},
        },
        "destination": {
            "platform": "text_em_all",
            "account_id": tea,
            "base_url": f"{where}/text_em_all/v1",
            "credentials": keys,
        },
    }


# The rows that hold no merchant in their key say themselves whose they are (data-model.md).
SHARED = ("LINK#", "NUMBER#")


def rows_of(house: World, mine: Mine) -> list[dict[str, Any]]:
    rows = house.rows()
    own = [row for row in rows if row["pk"].split("#")[1] == mine.merchant]
    shared = [row for row in rows if row["pk"].startswith(SHARED)]
    return own + [row for row in shared if mine.shop.connection_id in json.dumps(row, default=str)]


def outside_of(house: World, mine: Mine) -> dict[str, Any]:
    """Return what the platforms and the handset of B's person show."""
    number, tea = mine.person.number, mine.shop.tea_account
    contact = house.sandbox.get(f"/text_em_all/_contacts/{number}?account_id={tea}").json()
    handset = house.sandbox.get(f"/text_em_all/_handset/{number}").json()
    from_beta = [text for text in handset if text["from"] == mine.shop.text_number]
    return {"contact": contact, "phones": mine.shop.phones(mine.person.id), "texts": from_beta}
