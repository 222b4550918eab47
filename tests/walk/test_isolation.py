"""Two merchants: nothing that one may call reads or writes anything of the other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.walk.two_merchants import Mine, merchant_with_a_life, outside_of, rows_of, stolen
from tests.world.faults import settle
from tests.world.shop import new_number
from tests.world.signing import signed_inbound
from tests.world.world import World


@pytest.fixture(name="both")
def _both(house: World) -> dict[str, Mine]:
    return {name: merchant_with_a_life(house, name) for name in ("alpha", "beta")}


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
        ("GET", f"{connection}/groups?all=true", None),
        ("POST", f"{connection}/groups/repair", None),
        ("POST", f"{connection}/groups/recap", {"group_ids": [beta.group, "club"]}),
        (
            "POST",
            f"{connection}/consent-imports",
            {"import_id": "i", "attestation": "eve", "rows": [{"point": beta.person.number}]},
        ),
        ("POST", f"{connection}/group-syncs", None),
        ("POST", f"{connection}/exports", None),
        ("POST", f"{merchant}/connections", stolen(beta)),
        ("POST", f"{merchant}/connections", stolen(beta, both_sides=True)),
    ]
    for method, path, body in calls:
        yield f"admin {method} {path.partition('?')[0]}", _later(house.admin, method, path, body)


def _owner(both: dict[str, Mine], letter: str) -> Mine:
    return both["alpha" if letter == "a" else "beta"]


def _later(call: Callable[..., dict[str, Any]], *args: Any) -> Callable[[], dict[str, Any]]:
    return lambda: call(*args)


@pytest.mark.parametrize("calls", [_webhooks, _connect, _admin])
def test_nothing_of_another_merchant_is_read_or_written(
    house: World,
    both: dict[str, Mine],
    calls: Callable[[World, dict[str, Mine]], Iterator[Call]],
) -> None:
    """R-32: every door, every mix of ids, tokens, keys and points: B's rows stay as they are."""
    beta = both["beta"]
    before, outside = rows_of(house, beta), outside_of(house, beta)
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
        assert rows_of(house, beta) == before, what
    settle(house)
    assert tried >= 13
    assert rows_of(house, beta) == before
    assert outside_of(house, beta) == outside


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
