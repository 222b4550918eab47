"""Seeded numbers, addresses, names and tokens: looked for in all that leaves a function."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any

import boto3
import httpx
import pytest

from concord.platforms.neutral import NeutralWebhook
from tests.support.canaries import FIRST_NAME, LAST_NAME, SECRET, found_in
from tests.world.faults import Wire, away, settle
from tests.world.log_lines import log_lines
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.world import World

FIRST, LAST = FIRST_NAME, LAST_NAME
ADDRESS = "canarina.zwitscher@canary.example.com"
WORDS = "please never ever text canary-words again, take me off"
ACTOR = "cashier Tweety"
IP = "198.51.100.77"
FROM = [FIRST, LAST, ADDRESS, "canary-words", "Tweety", IP]


class Outgoing:
    """Bodies of everything that was put on a task queue, and texts of what was raised."""

    def __init__(self, safety_url: str) -> None:
        self.bodies: list[str] = []
        self.raised: list[str] = []
        self._safety = safety_url
        boto3._get_default_session().events.register_first("before-send.sqs", self._note)

    def _note(self, request: Any, **_: Any) -> None:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        if self._safety not in body:
            self.bodies.append(body)

    def call(self, act: Callable[[], Any]) -> Any:
        """Act; an exception that leaves a function is what the runtime would print."""
        try:
            return act()
        except Exception as error:
            chain: BaseException | None = error
            while chain is not None:
                self.raised.append(f"{type(chain).__name__}: {chain}")
                chain = chain.__cause__ or (
                    None if chain.__suppress_context__ else chain.__context__
                )
            return None


@pytest.fixture
def lines() -> Iterator[StringIO]:
    with log_lines() as caught:
        yield caught


@pytest.fixture
def outgoing(house: World) -> Outgoing:
    made = Outgoing(house.urls["safety"])
    house.cold()
    return made


def _secrets(shop: Shop) -> list[str]:
    tokens = [url.split("/")[7] for url in shop.webhooks.values()]
    return [*tokens, shop.connect_key, shop.webhook_secret, f"{SECRET}cs-m1", f"{SECRET}key-m1"]


def _good_day(shop: Shop, person: Person) -> Iterator[Callable[[], Any]]:
    """Yield what goes well: texts, tills, shoppers, imports, reviews, dossiers, replays."""
    number = person.number
    call = {"channel": "sms", "via": "pos", "point": number, "actor": ACTOR}
    proof = {"text": f"[x] yes, {FIRST}", "ip": IP, "user_agent": f"Till of {LAST}"}
    shopper = {"first_name": FIRST, "last_name": LAST, "email": ADDRESS, "phones": [number]}
    yield lambda: shop.connect("PUT", f"/shoppers/{FIRST}-1", shopper)
    opt_in = {**call, "event_id": "e-1", "action": "opt_in", "evidence": proof}
    yield lambda: shop.connect("POST", "/consents", opt_in)
    yield lambda: person.text("JOIN")(1)
    yield lambda: person.text(WORDS)(1)
    yield lambda: person.text("STOP")(1)
    yield lambda: person.text("JOIN")(1)
    yield lambda: shop.connect("POST", "/consents", {**opt_in, "event_id": "e-2"})
    mail = {**call, "channel": "email", "point": ADDRESS, "action": "opt_out", "event_id": "e-3"}
    yield lambda: shop.connect("POST", "/consents", mail)
    yield lambda: shop.connect("GET", f"/consents/email/{ADDRESS}")
    rows = [{"point": number, "evidence": FIRST}, {"point": ADDRESS, "channel": "email"}]
    attested = {"import_id": "i-1", "attestation": f"forms of {LAST}", "rows": rows}
    yield lambda: shop.admin("POST", "/consent-imports", attested)
    yield lambda: shop.admin("POST", "/consents/lookup", {"channel": "sms", "point": number})
    yield lambda: shop.admin("POST", "/consents/dossier", {"channel": "sms", "point": number})
    yield lambda: shop.admin("GET", "/reviews?kind=fuzzy")
    yield lambda: shop.admin("GET", "/audit")
    yield lambda: shop.world.admin("GET", "/v1/merchants/m1/inbox")
    listed = {**shopper, "id": f"{FIRST}-2", "phones": [number, WORDS], "groups": ["vip"]}
    shop.world.sandbox.seed("catapult", shop.catapult_account, shoppers=[listed])
    yield lambda: shop.admin("POST", "/group-syncs")
    yield lambda: shop.connect("DELETE", f"/shoppers/{FIRST}-1")
    yield lambda: shop.world.sweep()
    yield lambda: shop.world.hourly()


def _bad_input(shop: Shop, person: Person) -> Iterator[Callable[[], Any]]:
    """Yield what is refused, with personal data in every field that is wrong."""
    call = {"event_id": "b-1", "action": "opt_out", "channel": "sms", "via": "pos"}
    yield lambda: shop.connect("POST", "/consents", {**call, "point": f"{FIRST} {person.number}x"})
    yield lambda: shop.connect("POST", "/consents", {**call, "channel": ADDRESS, "point": ADDRESS})
    yield lambda: shop.connect("PUT", f"/shoppers/{ADDRESS}", {"phones": person.number})
    yield lambda: shop.connect("DELETE", f"/shoppers/{person.number}")
    yield lambda: shop.connect("GET", f"/consents/{FIRST}/{person.number}")
    yield lambda: shop.admin("POST", "/consents/lookup", {"channel": FIRST, "point": ADDRESS})
    bad = {"import_id": ADDRESS, "attestation": LAST, "rows": [{"point": ADDRESS}, FIRST]}
    yield lambda: shop.admin("POST", "/consent-imports", bad)
    yield lambda: shop.admin("PATCH", "", {"settings": {"fallback_number": ADDRESS}})
    yield lambda: shop.world.receive(f"/webhooks/text_em_all/{ADDRESS}/{FIRST}", b"{}", {})
    yield lambda: shop.world.admin("POST", f"/v1/merchants/m1/inbox/{ADDRESS}/replay")
    yield lambda: shop.world.run_task({"pk": person.number, "sk": ADDRESS})
    yield lambda: shop.world.run_task({"pk": "", "sk": ADDRESS})


def _bugs(shop: Shop, person: Person) -> Iterator[Callable[[], Any]]:
    """Yield the same acts with a bug at each edge whose text quotes the person."""
    words = f"{person.number} {ADDRESS} {' '.join(_secrets(shop)[:4])} phone={person.number}"

    def bug(*_: Any, **__: Any) -> None:
        try:
            raise KeyError(words)
        except KeyError:
            raise RuntimeError(f"cannot read {words}") from None

    def with_bug(owner: type, name: str, act: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(owner, name, bug)
                return act()

        return run

    parts = shop.world.parts
    stop = person.text("STOP")
    yield with_bug(NeutralWebhook, "parse", lambda: stop(1))
    yield with_bug(type(parts.authenticator), "open_webhook", lambda: stop(1))
    yield with_bug(
        type(parts.authenticator), "open", lambda: shop.connect("GET", f"/consents/sms/{FIRST}")
    )
    yield with_bug(type(parts.connections), "get", lambda: shop.admin("GET"))
    yield with_bug(type(parts.tasks), "due", shop.world.sweep)
    yield with_bug(type(parts.tasks), "lease", shop.world.pump)


def _outages(shop: Shop, person: Person) -> Iterator[Callable[[], Any]]:
    """Yield the acts of a bad hour: table, queues and platforms away."""
    house, wire = shop.world, Wire(shop.world)
    stop = person.text("STOP")
    call = {"event_id": "o-1", "action": "opt_out", "channel": "sms", "via": "web_cart"}

    def acts() -> None:
        stop(1)
        shop.connect("POST", "/consents", {**call, "point": person.number, "actor": ACTOR})
        shop.connect("DELETE", f"/shoppers/{FIRST}-1")
        with suppress(Exception):
            house.pump()
        house.rescue()

    for services in (("dynamodb",), ("dynamodb", "sqs", "ssm"), ("ssm",)):

        def hour(services: tuple[str, ...] = services) -> None:
            with wire.failing(away(*services)):
                acts()

        yield hour
    yield house.rescue
    for status in (400, 401, 429, 500):

        def day(status: int = status) -> None:
            house.sandbox.fault(platform="text_em_all", status=status)
            house.sandbox.fault(platform="catapult", status=status)
            person.text("UNSTOP")(1)
            house.pump()
            house.sandbox.post("/_reset")
            shop.admin("POST", "/state", {"state": "connected"})
            house.clock.advance(timedelta(minutes=10))
            house.sweep()

        yield day

    def lost() -> None:
        def quoting(_: Any) -> None:
            raise httpx.ReadTimeout(f"no answer for {person.number}")

        with wire.failing(after=quoting):
            person.text("HELP")(1)

    yield lost


SCENES = {
    "good_day": _good_day,
    "bad_input": _bad_input,
    "bugs": _bugs,
    "outages": _outages,
}


@pytest.mark.parametrize("scene", SCENES)
def test_no_canary_leaves(
    shop: Shop,
    outgoing: Outgoing,
    lines: StringIO,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    scene: str,
) -> None:
    """Reliability 37: 0 hits in output, logs, metrics, exceptions, task messages and keys."""
    # INFO is what production has; what other people's loggers say below it never gets out.
    caplog.set_level(logging.INFO)
    person = Person(shop)
    secrets = _secrets(shop)
    capfd.readouterr()
    acts = 0
    for act in SCENES[scene](shop, person):
        outgoing.call(act)
        acts += 1
    outgoing.call(lambda: settle(shop.world)) if scene == "good_day" else None

    printed = "".join(capfd.readouterr())
    assert acts >= 6
    assert '"_aws"' in printed
    assert '"level"' in lines.getvalue(), "nothing was logged, so nothing was proved"
    logged = "\n".join(record.getMessage() for record in caplog.records)
    places = {
        "output": printed,
        "logs": lines.getvalue(),
        "records": logged,
        "queues": "\n".join(outgoing.bodies),
        "exceptions": "\n".join(outgoing.raised),
        "keys": json.dumps([[row["pk"], row["sk"]] for row in _keyed(shop.world)]),
    }
    hits = {where: list(found_in(text, *FROM, *secrets)) for where, text in places.items()}
    assert not any(hits.values()), hits


def _keyed(house: World) -> list[dict[str, Any]]:
    """Return the rows whose keys may hold nothing personal; NUMBER# rows are the shops' own."""
    return [row for row in house.rows() if not row["pk"].startswith("NUMBER#")]


def test_the_search_itself_finds_canaries() -> None:
    """Reliability 37: the patterns are tried on what they must find, and on what they must not."""
    number = new_number()
    for spelled in (number, number[1:], number[2:], f"%2B{number[1:]}", f'"{number}"'):
        assert list(found_in(f"x {spelled} y")), spelled
    assert list(found_in(f"a {ADDRESS} b"))
    assert list(found_in(f"a {ADDRESS.replace('@', '%40')} b"))
    assert list(found_in("hello canarina")) == ["canarina"]
    assert list(found_in("a Tweety", *FROM)) == ["Tweety"]
    assert not list(found_in('{"Timestamp":1795294715152,"id":"ev_cef5e5ce45584df6502e8d91"}'))
