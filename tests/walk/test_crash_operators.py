"""Every change that operators make dies at each of its requests, and their client repeats it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.admin.calls import new_connection, seed
from tests.world.crashes import Arrange, Scene, dies_everywhere, has_one_effect
from tests.world.faults import Killed, Wire
from tests.world.person import Deliver, Effect, Person
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import World

IN = Effect(evidence=1, texts=1, state="opted_in", at_text_em_all=True, at_catapult=True)
CLIENT_WAITS = timedelta(seconds=30)
_names = itertools.count(1)


def _repeated(
    house: World, path: str, body: Any = None, *, keyed: bool = False, done: int = 200
) -> Deliver:
    """Return a POST that its client repeats, under one Idempotency-Key if it takes one.

    The first answer is a success; the repeat may be told `done`: that there is nothing left to do.
    """
    headers = {"Idempotency-Key": f"key-{next(_names)}"} if keyed else {}

    def deliver(times: int) -> dict[str, Any]:
        answer = house.admin("POST", path, body, headers=headers)
        assert answer["statusCode"] < 300 or (times, answer["statusCode"]) == (2, done), answer
        return answer

    return deliver


# --- what concerns a shopper -----------------------------------------------------------------


def _connected(person: Person) -> Deliver:
    """A paused connection holds her JOIN; connecting it sends what was held."""
    shop = person.shop
    if shop.world.body(shop.admin("GET"))["state"] == "connected":
        shop.move("paused")
    shop.world.cold()
    person.texts("JOIN")
    # Connected already: the transition is refused, and says so.
    return _repeated(
        shop.world, f"/v1/connections/{shop.connection_id}/state", {"state": "connected"}, done=409
    )


def _decision(person: Person, decision: str) -> Deliver:
    shop = person.shop
    person.texts("JOIN").texts("take me off your list")
    reviews = shop.world.body(shop.admin("GET", "/reviews?kind=fuzzy"))["items"]
    (review,) = [each for each in reviews if each["point"] == person.number]
    path = f"/v1/connections/{shop.connection_id}/reviews/{review['review_id']}/{decision}"
    return _repeated(shop.world, path, {"actor": "dana"}, done=404)


def _confirm(person: Person) -> Deliver:
    return _decision(person, "confirm")


def _dismiss(person: Person) -> Deliver:
    return _decision(person, "dismiss")


def _unmatched(person: Person) -> Deliver:
    """A number that no shopper carries is put aside."""
    shop = person.shop
    person.texts("JOIN")
    number = Person(shop, carried=False).texts("JOIN").number
    reviews = shop.world.body(shop.admin("GET", "/reviews?kind=unmatched"))["items"]
    (review,) = [each for each in reviews if each["point"] == number]
    path = f"/v1/connections/{shop.connection_id}/reviews/{review['review_id']}/dismiss"
    return _repeated(shop.world, path, {"actor": "dana"}, done=404)


def _kept(person: Person) -> None:
    """Keep her JOIN, which came to a number that is the shop's only afterwards."""
    shop, number = person.shop, new_number()
    house, account = shop.world, shop.tea_account
    person.text("JOIN", to=number)(1)
    house.pump()  # asks for the numbers, in vain
    house.sandbox.seed("text_em_all", account, text_numbers=[shop.text_number, number])
    assert shop.admin("POST", "/check")["statusCode"] == 200
    assert shop.consent(person.number) == "unknown"


def _replayed(person: Person) -> Deliver:
    _kept(person)
    house, merchant = person.shop.world, f"/v1/merchants/{person.shop.merchant_id}"
    (body,) = house.body(house.admin("GET", f"{merchant}/inbox?state=kept"))["items"]
    return _repeated(house, f"{merchant}/inbox/{body['inbox_id']}/replay")


def _span(person: Person) -> Deliver:
    _kept(person)
    house = person.shop.world
    start = house.clock.now() - timedelta(minutes=5)
    span = {"from": start.isoformat(), "to": (start + timedelta(minutes=10)).isoformat()}
    path = f"/v1/merchants/{person.shop.merchant_id}/inbox/replays"
    return _repeated(house, path, span, keyed=True)


def _replay_task(person: Person) -> Deliver:
    _span(person)(1)
    (row,) = person.rows("replay_inbox")
    return lambda receives: person.shop.world.run_task(row, receives)


CASES: dict[str, tuple[Arrange, Effect]] = {
    "connected": (_connected, IN),
    # Her JOIN, her words, and the decision; both texts confirm what she texted herself.
    "review_confirmed": (_confirm, Effect(3, 2, "opted_out", False, False)),
    "review_dismissed": (_dismiss, Effect(3, 2, "opted_in", True, True)),
    "unmatched_dismissed": (_unmatched, IN),
    "body_replayed": (_replayed, IN),
    "span_replayed": (_span, IN),
    "replay_task": (_replay_task, IN),
}


@pytest.mark.parametrize("name", CASES)
def test_a_repeated_decision_has_one_effect(shop: Shop, name: str) -> None:
    """Reliability 12, R-24: an operator's call dies anywhere, and is made again."""
    arrange, expected = CASES[name]
    has_one_effect(shop, arrange, expected, CLIENT_WAITS)


# --- a connection and its secrets ------------------------------------------------------------


class Linked:
    """A connection as an operator has it: the secrets that were shown, or made once more."""

    def __init__(self, house: World, text_number: str, made: dict[str, Any]) -> None:
        self.house = house
        self.text_number = text_number
        self.id = made["connection_id"]
        self.url: str | None = (made["webhooks"] or {}).get("text_em_all")
        self.webhook_secret = made["webhook_secret"]
        self.connect_key = made["connect_key"]

    def complete(self) -> None:
        """Do what the CLI tells whose answer got lost: rotate what was not shown."""
        if self.url is None:
            self.url = self.rotate("token")["webhooks"]["text_em_all"]
        self.webhook_secret = self.webhook_secret or self.rotate("webhook_secret")["webhook_secret"]
        self.connect_key = self.connect_key or self.rotate("connect_key")["connect_key"]

    def rotate(self, what: str) -> dict[str, Any]:
        path = f"/v1/connections/{self.id}/rotate"
        return self.house.body(self.house.admin("POST", path, {"what": what}))

    def door(self) -> int:
        """Return what a signed STOP on the webhook URL is answered with."""
        number = new_number()
        path, at = str(self.url).split("/test", 1)[1], self.house.clock.now()
        secret = self.webhook_secret
        body, headers = signed_inbound(secret, number, self.text_number, "STOP", at=at)
        return int(self.house.receive(path, body, headers)["statusCode"])

    def till(self) -> int:
        """Return what the Connect API answers to the key."""
        path = f"/connect/{self.id}/consents/sms/%2B15550000000"
        return int(self.house.connect("GET", path, self.connect_key)["statusCode"])


def test_a_creation_that_died_is_finished_by_its_repeat(house: World) -> None:
    """TEA-02, reliability 12: one connection, both accounts, its number, secrets that open it."""
    wire = Wire(house)
    house.admin("PUT", "/v1/merchants/m1", {"name": "G", "time_zone": "UTC", "country": "US"})

    def stage() -> Scene:
        name, text_number, sends_from = f"c{next(_names)}", new_number(), new_number()
        seed(house, f"tea-{name}", f"cat-{name}", text_number)
        sender = {"platform": "aws", "from": sends_from}
        body = new_connection(f"tea-{name}", f"cat-{name}", sender=sender)
        create = _repeated(house, "/v1/merchants/m1/connections", body, keyed=True)
        answers: list[dict[str, Any]] = []

        def deliver(times: int) -> None:
            answers.append(house.body(create(times)))

        def outcome() -> dict[str, Any]:
            return _what_was_made(house, Linked(house, text_number, answers[-1]), name, sends_from)

        return Scene(deliver, outcome)

    expected = {
        "linked": ["requested"],
        "links": 2,
        "owns_its_number": True,
        "state": "connected",
        "checked": {"text_em_all": "ok", "catapult": "ok"},
        "door": 204,
        "till": 200,
    }
    assert dies_everywhere(wire, house, stage, expected, CLIENT_WAITS) >= 7


def _what_was_made(house: World, linked: Linked, name: str, sends_from: str) -> dict[str, Any]:
    listed = house.body(house.admin("GET", "/v1/merchants/m1/connections?limit=100"))["items"]
    own = [each for each in listed if each["source"]["account_id"] == f"cat-{name}"]
    links = [row for row in house.rows("LINK#") if linked.id in row["connections"]]
    numbers = [row for row in house.rows("NUMBER#") if row["connection_id"] == linked.id]
    linked.complete()
    for state in ("pending", "connected"):
        house.admin("POST", f"/v1/connections/{linked.id}/state", {"state": state})
    checked = house.body(house.admin("POST", f"/v1/connections/{linked.id}/check"))
    return {
        "linked": [each["state"] for each in own],
        "links": len(links),
        "owns_its_number": [row["pk"].endswith(sends_from[1:]) for row in numbers] == [True],
        "state": checked.get("state"),
        "checked": {
            side: checked.get("platforms", {}).get(side) for side in ("text_em_all", "catapult")
        },
        "door": linked.door(),
        "till": linked.till(),
    }


@pytest.mark.parametrize("what", ["token", "connect_key", "webhook_secret"])
def test_a_rotation_that_died_is_repeated(house: World, what: str) -> None:
    """Reliability 12: the newest secret opens the door, the one before until its grace ends."""
    wire = Wire(house)

    def stage() -> Scene:
        shop = house.shop(f"r{next(_names)}")
        before = Linked(house, shop.text_number, _shown(shop))
        path = f"/v1/connections/{shop.connection_id}/rotate"
        rotate = _repeated(house, path, {"what": what, "grace_seconds": 3600}, keyed=True)
        after = Linked(house, shop.text_number, _shown(shop))
        answers: list[dict[str, Any]] = []

        def deliver(times: int) -> None:
            answers.append(house.body(rotate(times)))

        def outcome() -> dict[str, Any]:
            shown = answers[-1]
            if (shown["webhooks"], shown["connect_key"], shown["webhook_secret"]) == (None,) * 3:
                shown = after.rotate(what)  # the answer that had it got lost
            after.url = (shown["webhooks"] or {}).get("text_em_all", after.url)
            after.webhook_secret = shown["webhook_secret"] or after.webhook_secret
            after.connect_key = shown["connect_key"] or after.connect_key
            opens = {"new": (after.door(), after.till()), "old": (before.door(), before.till())}
            house.clock.advance(timedelta(hours=2))
            house.cold()
            return {**opens, "new_later": (after.door(), after.till()), "old_later": _doors(before)}

        return Scene(deliver, outcome)

    open_doors = (204, 200)
    refused = {
        "token": (401, 200),
        "connect_key": (204, 401),
        "webhook_secret": (401, 200),
    }[what]
    expected = {"new": open_doors, "old": open_doors, "new_later": open_doors, "old_later": refused}
    dies_everywhere(wire, house, stage, expected, CLIENT_WAITS)


def _doors(linked: Linked) -> tuple[int, int]:
    return linked.door(), linked.till()


def _shown(shop: Shop) -> dict[str, Any]:
    """Return what was shown when the shop's connection was made."""
    return {
        "connection_id": shop.connection_id,
        "webhooks": shop.webhooks,
        "webhook_secret": shop.webhook_secret,
        "connect_key": shop.connect_key,
    }


# --- what may not be finished ----------------------------------------------------------------


def _begin(house: World, key: str, **more: Any) -> dict[str, Any]:
    body = {**new_connection("tea-x", "cat-x"), **more}
    return house.admin(
        "POST", "/v1/merchants/m1/connections", body, headers={"Idempotency-Key": key}
    )


@pytest.fixture(name="half_made")
def _half_made(house: World) -> Wire:
    """Leave a connection behind whose process died before it had secrets."""
    house.admin("PUT", "/v1/merchants/m1", {"name": "G", "time_zone": "UTC", "country": "US"})
    seed(house, "tea-x", "cat-x", new_number())
    wire = Wire(house)

    def dies(request: Any) -> None:
        if request.name == "ssm.PutParameter":
            raise Killed(request.name)

    with wire.failing(before=dies), pytest.raises(Killed):
        _begin(house, "first")
    house.cold()
    return wire


def test_only_the_same_call_finishes_it(house: World, half_made: Wire) -> None:
    """TEA-02: another key is another call, and meets the link; so does the same key a day later."""
    assert _begin(house, "second")["statusCode"] == 409
    changed = _begin(house, "first", actor="somebody else")
    assert changed["statusCode"] == 409
    house.clock.advance(timedelta(hours=25))
    assert _begin(house, "first")["statusCode"] == 409


def test_what_was_moved_on_is_finished_by_nobody(house: World, half_made: Wire) -> None:
    """TEA-01: an operator has taken it over: a late repeat must not replace its secrets."""
    (made,) = house.body(house.admin("GET", "/v1/merchants/m1/connections"))["items"]
    moved = f"/v1/connections/{made['connection_id']}/state"
    assert house.admin("POST", moved, {"state": "pending"})["statusCode"] == 200
    before = house.rows()
    assert _begin(house, "first")["statusCode"] == 409
    assert house.rows() == before


def test_a_repeat_whose_number_is_taken_frees_both_accounts(house: World) -> None:
    """TEA-02, R-32: the second half is refused: nothing of the first stays in the way."""
    number = new_number()
    house.admin("PUT", "/v1/merchants/m1", {"name": "G", "time_zone": "UTC", "country": "US"})
    seed(house, "tea-x", "cat-x", new_number())
    settings = {"sender": {"platform": "aws", "from": number}}
    wire = Wire(house)

    def dies(request: Any) -> None:
        if request.name == "ssm.PutParameter":
            raise Killed(request.name)

    with wire.failing(before=dies), pytest.raises(Killed):
        _begin(house, "first", settings=settings)
    house.shop("m2", sender={"platform": "aws", "from": number})
    refused = _begin(house, "first", settings=settings)
    assert house.body(refused)["code"] == "number_already_claimed"
    assert _begin(house, "again")["statusCode"] == 201
