"""Two merchants: nothing that one may call reads or writes anything of the other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.world.faults import settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import World

NAME, ADDRESS = "Berenike", "berenike@b.example.com"


@dataclass
class Mine:
    """Everything of one merchant that somebody could try to use at another."""

    shop: Shop
    person: Person
    email: str
    shopper_id: str
    token: str
    inbox_id: str
    review_id: str
    cursors: dict[str, str]

    @property
    def merchant(self) -> str:
        return self.shop.merchant_id

    @property
    def words(self) -> list[str]:
        """Return what would betray that something of this merchant was read."""
        return [self.person.number, self.email, NAME, self.inbox_id, self.review_id]


@pytest.fixture(name="both")
def _both(house: World) -> dict[str, Mine]:
    return {name: _merchant(house, name) for name in ("alpha", "beta")}


def _merchant(house: World, name: str) -> Mine:
    """Return a merchant with a life: consents, shoppers, bodies, reviews, cursors."""
    shop = house.shop(name)
    person = Person(shop).texts("JOIN")
    shopper_id, email = f"s-{name}", ADDRESS if name == "beta" else "anna@a.example.com"
    first = NAME if name == "beta" else "Anna"
    shopper = {"first_name": first, "email": email, "phones": [person.number]}
    shop.connect("PUT", f"/shoppers/{shopper_id}", shopper)
    mail = {"event_id": "m", "action": "opt_out", "channel": "email", "via": "pos", "point": email}
    shop.connect("POST", "/consents", mail)
    for _ in range(2):
        Person(shop).texts("take me off your list")
    settle(house)
    bodies = f"/v1/merchants/{name}/inbox?limit=1"
    inbox = house.body(house.admin("GET", bodies))
    reviews = house.body(shop.admin("GET", "/reviews?kind=fuzzy&limit=1"))
    audit = house.body(shop.admin("GET", "/audit?limit=1"))
    return Mine(
        shop=shop,
        person=person,
        email=email,
        shopper_id=shopper_id,
        token=shop.webhooks["text_em_all"].rsplit("/", 1)[1],
        inbox_id=inbox["items"][0]["inbox_id"],
        review_id=reviews["items"][0]["review_id"],
        cursors={
            "inbox": inbox["cursor"],
            "reviews": reviews["cursor"],
            "audit": audit["cursor"],
        },
    )


type Call = tuple[str, Callable[[], dict[str, Any]]]


def _webhooks(house: World, both: dict[str, Mine]) -> Iterator[Call]:
    """Yield webhooks with each part of either merchant; all of one is that merchant's own."""
    texts = ("STOP", "JOIN", "UNSTOP")
    for owners in itertools.product("ab", repeat=4):
        if len(set(owners)) == 1:
            continue
        path_of, token_of, secret_of, to_of = (_owner(both, letter) for letter in owners)
        for text in texts:
            number = both["beta"].person.number
            body, headers = signed_inbound(
                secret_of.shop.webhook_secret, number, to_of.shop.text_number, text
            )
            path = f"/webhooks/text_em_all/{path_of.shop.connection_id}/{token_of.token}"
            receive = _later(house.receive, path, body, headers)
            # B's path, token and secret are B's own call, whatever number it names.
            if owners[:3] != ("b", "b", "b"):
                yield f"webhook {''.join(owners)} {text}", receive


def _connect(house: World, both: dict[str, Mine]) -> Iterator[Call]:
    """Yield Connect calls with A's key or A's path, and B's points, shoppers and ids."""
    alpha, beta = both["alpha"], both["beta"]
    pairs = [(beta, alpha), (alpha, beta), (alpha, alpha)]
    for path_of, key_of in pairs:
        base, key = f"/connect/{path_of.shop.connection_id}", key_of.shop.connect_key
        mixed = "own" if path_of is key_of else f"{path_of.merchant} by {key_of.merchant}"
        for action, via in (("opt_in", "pos"), ("opt_out", "web_cart")):
            call = {"event_id": new_number(), "action": action, "channel": "sms", "via": via}
            body = {**call, "point": beta.person.number, "shopper_id": beta.shopper_id}
            run = _later(house.connect, "POST", f"{base}/consents", key, body)
            yield f"connect {mixed} {action}", run
        for point, channel in ((beta.person.number, "sms"), (beta.email, "email")):
            quoted = point.replace("+", "%2B")
            path = f"{base}/consents/{channel}/{quoted}"
            yield f"connect {mixed} read {channel}", _later(house.connect, "GET", path, key)
        shopper = {"first_name": "Eve", "phones": [beta.person.number]}
        path = f"{base}/shoppers/{beta.shopper_id}"
        yield f"connect {mixed} save", _later(house.connect, "PUT", path, key, shopper)
        yield f"connect {mixed} remove", _later(house.connect, "DELETE", path, key)


def _admin(house: World, both: dict[str, Mine]) -> Iterator[Call]:
    """Yield admin calls about A, with the ids, points and cursors of B."""
    alpha, beta = both["alpha"], both["beta"]
    merchant, connection = "/v1/merchants/alpha", f"/v1/connections/{alpha.shop.connection_id}"
    point = {"channel": "sms", "point": beta.person.number}
    now = house.clock.now()
    span = {"from": (now - timedelta(days=1)).isoformat(), "to": now.isoformat()}
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"{merchant}/inbox/{beta.inbox_id}/replay", None),
        ("POST", f"{merchant}/inbox/replays", {**span, "connection_id": beta.shop.connection_id}),
        ("GET", f"{merchant}/inbox?cursor={beta.cursors['inbox']}", None),
        ("GET", f"{connection}/reviews?kind=fuzzy&cursor={beta.cursors['reviews']}", None),
        ("GET", f"{connection}/audit?cursor={beta.cursors['audit']}", None),
        ("POST", f"{connection}/reviews/{beta.review_id}/confirm", {"actor": "eve"}),
        ("POST", f"{connection}/reviews/{beta.review_id}/dismiss", {"actor": "eve"}),
        ("POST", f"{connection}/consents/lookup", point),
        ("POST", f"{connection}/consents/dossier", point),
        ("GET", f"{connection}/consents/email/{beta.email}", None),
        (
            "POST",
            f"{connection}/consent-imports",
            {"import_id": "i", "attestation": "eve", "rows": [{"point": beta.person.number}]},
        ),
        ("POST", f"{merchant}/connections", _steal(beta)),
        ("POST", f"{merchant}/connections", _steal(beta, both_sides=True)),
    ]
    for method, path, body in calls:
        yield f"admin {method} {path.partition('?')[0]}", _later(house.admin, method, path, body)


def _steal(beta: Mine, *, both_sides: bool = False) -> dict[str, Any]:
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


def _owner(both: dict[str, Mine], letter: str) -> Mine:
    return both["alpha" if letter == "a" else "beta"]


def _later(call: Callable[..., dict[str, Any]], *args: Any) -> Callable[[], dict[str, Any]]:
    return lambda: call(*args)


# The rows that hold no merchant in their key say themselves whose they are (data-model.md).
SHARED = ("LINK#", "NUMBER#")


def _rows_of(house: World, mine: Mine) -> list[dict[str, Any]]:
    rows = house.rows()
    own = [row for row in rows if row["pk"].split("#")[1] == mine.merchant]
    shared = [row for row in rows if row["pk"].startswith(SHARED)]
    return own + [row for row in shared if mine.shop.connection_id in json.dumps(row, default=str)]


def _outside(house: World, mine: Mine) -> dict[str, Any]:
    """Return what the platforms and the handset of B's person show."""
    number, tea = mine.person.number, mine.shop.tea_account
    contact = house.sandbox.get(f"/text_em_all/_contacts/{number}?account_id={tea}").json()
    handset = house.sandbox.get(f"/text_em_all/_handset/{number}").json()
    from_beta = [text for text in handset if text["from"] == mine.shop.text_number]
    return {"contact": contact, "phones": mine.shop.phones(mine.person.id), "texts": from_beta}


@pytest.mark.parametrize("calls", [_webhooks, _connect, _admin])
def test_nothing_of_another_merchant_is_read_or_written(
    house: World,
    both: dict[str, Mine],
    calls: Callable[[World, dict[str, Mine]], Iterator[Call]],
) -> None:
    """R-32: every door, every mix of ids, tokens, keys and points: B's rows stay as they are."""
    beta = both["beta"]
    before, outside = _rows_of(house, beta), _outside(house, beta)
    assert len(before) > 15
    tried = 0
    for what, call in calls(house, both):
        answer = call()
        tried += 1
        said = json.dumps(answer)
        # A's own records may say what A itself has just sent; nothing that only B knows.
        betrayed = [word for word in beta.words[2:] if word in said and word not in what]
        assert not betrayed, what
        assert answer["statusCode"] < 500, what
        assert _rows_of(house, beta) == before, what
    settle(house)
    assert tried >= 13
    assert _rows_of(house, beta) == before
    assert _outside(house, beta) == outside


def test_anothers_consent_is_unknown_here(house: World, both: dict[str, Mine]) -> None:
    """R-32, TEA-03: a number that opted in at B is unknown at A, and so is its history."""
    alpha, beta = both["alpha"], both["beta"]
    assert beta.shop.consent(beta.person.number) == "opted_in"
    assert alpha.shop.consent(beta.person.number) == "unknown"
    point = {"channel": "sms", "point": beta.person.number}
    found = house.body(alpha.shop.admin("POST", "/consents/lookup", point))
    assert (found["state"], found["events"]) == ("unknown", [])


def test_refusals_are_all_alike(house: World, both: dict[str, Mine]) -> None:
    """R-32: B's connection, a made-up one, a wrong token: one answer; nobody can probe for ids."""
    alpha, beta = both["alpha"], both["beta"]
    body, headers = signed_inbound("whsec_" + "a" * 44, new_number(), new_number(), "STOP")
    paths = [
        f"/webhooks/text_em_all/{beta.shop.connection_id}/{alpha.token}",
        f"/webhooks/text_em_all/beta.zzzzzzzzzz/{alpha.token}",
        f"/webhooks/text_em_all/nobody.zzzzzzzzzz/{alpha.token}",
        f"/webhooks/text_em_all/{alpha.shop.connection_id}/{alpha.token}",
        f"/webhooks/no_such_platform/{alpha.shop.connection_id}/{alpha.token}",
        f"/webhooks/twilio/{alpha.shop.connection_id}/{alpha.token}",
    ]
    answers = [house.receive(path, body, headers) for path in paths]
    assert {answer["statusCode"] for answer in answers} == {401}
    assert len({answer["body"] for answer in answers}) == 1
