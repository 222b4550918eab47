"""R-32 over everything that is offered: whatever of B is mixed into A's calls, B keeps it."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concord.domain.points.programme import Programme
from functions.admin.app import OPERATIONS
from functions.connect.app import api
from tests.walk.two_merchants import (
    BETA_OPENED,
    NAME,
    REPORTED,
    Mine,
    merchant_with_a_life,
    outside_of,
    rows_of,
    stolen,
)
from tests.world.faults import settle
from tests.world.world import World

ROUNDS = {"_admin_call": 12, "_connect_call": 20}
_requests = itertools.count(1)


@dataclass(frozen=True)
class Two:
    """A calls; what is B's is what A got hold of."""

    house: World
    a: Mine
    b: Mine

    def theirs(self) -> list[str]:
        """Return all that names something of B."""
        b = self.b
        return [
            b.merchant,
            b.shop.connection_id,
            b.inbox_id,
            b.review_id,
            b.failure_id,
            b.broadcast_id,
            b.programme_id,
            b.job_id,
            b.shopper_id,
            b.person.number,
            b.email,
            b.token,
            *b.cursors.values(),
        ]

    def secrets(self) -> list[str]:
        """Return what betrays that something of B was read."""
        b = self.b
        keys = [b.shop.connect_key, b.shop.webhook_secret]
        accounts = [b.shop.text_number, b.shop.tea_account, b.shop.catapult_account]
        return [NAME, str(BETA_OPENED), b.person.id, *keys, *accounts, *self.theirs()]


# --- what is said ----------------------------------------------------------------------------


def _bodies(two: Two) -> dict[str, Callable[[Callable[[], str]], Any]]:
    """Return how each operation with a body is called; `pick` gives something of B, or like it."""
    now = two.house.clock.now()
    span = {"from": (now - timedelta(days=2)).isoformat(), "to": now.isoformat()}
    later = (now + timedelta(days=1)).isoformat()
    who = {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"}
    sender = {"platform": "aws", "from": two.b.shop.text_number}
    return {
        "put_merchant": lambda pick: who,
        "put_allow_multi_link": lambda pick: {"allowed": len(pick()) % 2 == 0},
        "create_connection": lambda pick: stolen(two.b, both_sides=len(pick()) % 2 == 0),
        "patch_connection": lambda pick: {
            "settings": {"sender": sender} if len(pick()) % 2 else {"join_keyword": "FRESH"}
        },
        # Forwards and back again: a connection that is over could be used for nothing more.
        "change_state": lambda pick: {"state": ("paused", "connected")[len(pick()) % 2]},
        "rotate_secret": lambda pick: {"what": "webhook_secret"},
        "look_up_consent": lambda pick: {"channel": _channel(point := pick()), "point": point},
        "export_dossier": lambda pick: {"channel": _channel(point := pick()), "point": point},
        "import_consents": lambda pick: {
            "import_id": f"i-{next(_requests)}",
            "attestation": "eve",
            "rows": [{"point": pick()}, {"point": pick(), "channel": "email"}],
        },
        "confirm_review": lambda pick: {"actor": "eve"},
        "dismiss_review": lambda pick: {"actor": "eve"},
        "recap_groups": lambda pick: {"group_ids": [pick()]},
        "explain_recipient": lambda pick: {"point": pick()},
        "create_broadcast": lambda pick: {"name": "x", "group_ids": [pick()], "text": "hi"},
        "schedule_broadcast": lambda pick: {"send_at": later},
        "preview_broadcast": lambda pick: {"actor": "eve"},
        "test_broadcast": lambda pick: {"to": [pick()]},
        "send_broadcast": lambda pick: {"actor": "eve"},
        "pause_broadcast": lambda pick: {"actor": "eve"},
        "resume_broadcast": lambda pick: {"actor": "eve"},
        "cancel_broadcast": lambda pick: {"actor": "eve"},
        "put_programme": lambda pick: {"name": "Club", "currency": "USD"},
        "adjust_points": lambda pick: {"amount": 5, "reason": "r", "actor": pick()[:200]},
        "make_contact_list": lambda pick: {
            "name": pick()[:200],
            "from_name": "Shop",
            "from_email": "shop@shop.example",
        },
        "replay_span": lambda pick: {**span, "connection_id": pick()},
    }


def _channel(point: str) -> str:
    return "email" if "@" in point else "sms"


def _spellings(two: Two) -> st.SearchStrategy[str]:
    """Return values of B as they are, and as somebody would bend them to get past a check."""
    a, b = two.a, two.b
    inside = [f"{a.merchant}#{b.merchant}", f"STATE#{b.person.number}", f"{b.inbox_id}#x"]
    bent: list[Callable[[str], str]] = [
        lambda value: value,
        lambda value: value.upper(),
        lambda value: f" {value} ",
        lambda value: f"{a.merchant}.{value}",
        lambda value: value.replace(b.merchant, a.merchant),
        lambda value: f"{a.shop.connection_id}#{value}",
        lambda value: f"../{value}",
        lambda value: quote(value, safe=""),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    ]
    mixed = st.builds(lambda bend, value: bend(value), st.sampled_from(bent), _of(two.theirs()))
    return st.one_of(_of(two.theirs()), mixed, _of(inside))


def _of(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


# --- calls -----------------------------------------------------------------------------------


def _admin_call(two: Two, draw: Callable[[], str], index: int) -> tuple[str, Any, Any]:
    """Make an admin call about A; returns what it was, what was sent and what was answered."""
    operation = OPERATIONS[index % len(OPERATIONS)]
    scope = {"merchant_id": two.a.merchant, "connection_id": two.a.shop.connection_id}
    parts = re.findall(r"{(\w+)}", operation.path)
    names = {name: scope.get(name) or draw() for name in parts}
    if "{job_id}" in operation.path:  # its own scope: B's own id is B's own call
        names["job_id"] = draw().replace(two.b.job_id, f"{two.a.merchant}.{two.b.job_id[5:]}")
    if "{date}" in operation.path:
        names["date"] = REPORTED.isoformat()
    if "{channel}" in operation.path:
        names["channel"] = _channel(names["point"])
    path = operation.path.format_map({n: quote(value, safe="") for n, value in names.items()})
    query = {}
    if operation.query is not None and "cursor" in operation.query.model_fields:
        query["cursor"] = draw()
    said = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    body = _bodies(two)[operation.name](draw) if operation.body is not None else None
    answer = two.house.admin(operation.method, f"{path}?{said}" if said else path, body)
    return operation.name, [names, query, body], answer


KEEPS = {"import_consents", "consents", "save", "put_programme", "adjust_points"}
ORDER = {
    "status": "completed",
    "completed_at": "2026-03-01T15:30:00Z",
    "subtotal_ex_tax": "43.00",
    "currency": "USD",
}
CONNECT = {
    ("POST", "/connect/{connection_id}/consents"): "consents",
    ("GET", "/connect/{connection_id}/consents/{channel}/{point}"): "read",
    ("PUT", "/connect/{connection_id}/shoppers/{shopper_id}"): "save",
    ("DELETE", "/connect/{connection_id}/shoppers/{shopper_id}"): "remove",
    ("PUT", "/connect/{connection_id}/groups/{group_id}"): "group",
    ("DELETE", "/connect/{connection_id}/groups/{group_id}"): "end_group",
    ("POST", "/connect/{connection_id}/orders"): "order",
    ("POST", "/connect/{connection_id}/orders/{order_id}/refunds"): "refund",
}


def _connect_call(two: Two, draw: Callable[[], str], index: int) -> tuple[str, Any, Any]:
    """Make a Connect call in which at most one of path and key is B's."""
    pairs = [(two.a, two.a), (two.b, two.a), (two.a, two.b)]
    path_of, key_of = pairs[index // len(CONNECT) % len(pairs)]
    (method, path), name = list(CONNECT.items())[index % len(CONNECT)]
    point = draw()
    names = {
        "connection_id": path_of.shop.connection_id,
        "channel": _channel(point),
        "point": point,
        "shopper_id": draw(),
        "group_id": draw(),
        "order_id": draw(),
    }
    bodies: Mapping[str, Any] = {
        "consents": {
            "event_id": f"e-{next(_requests)}",
            "action": ("opt_in", "opt_out")[len(point) % 2],
            "channel": _channel(point),
            "via": "pos",
            "point": point,
            "shopper_id": draw(),
        },
        "group": {"name": "Bakery", "shopper_ids": [draw()]},
        "order": {**ORDER, "order_id": draw(), "customer": {"id": draw()}},
        "refund": {"refund_id": draw(), "amount_ex_tax": "1.00"},
        "save": {"first_name": "Eve", "phones": [two.b.person.number], "email": two.b.email},
    }
    full = path.format_map({n: quote(value, safe="") for n, value in names.items()})
    answer = two.house.connect(method, full, key_of.shop.connect_key, bodies.get(name))
    return name, [names, bodies.get(name)], answer


# --- the property ----------------------------------------------------------------------------


@pytest.fixture(name="two")
def _two(house: World) -> Two:
    return Two(house, *(_with_an_order(house, name) for name in ("alpha", "beta")))


def _with_an_order(house: World, name: str) -> Mine:
    """Return a merchant with a life, whose shop's orders earn points."""
    mine = merchant_with_a_life(house, name)
    assert house.parts.programmes.save(Programme(name, "orders", "Orders", "USD"))
    mine.shop.admin("PATCH", "", {"settings": {"programme": "orders"}})
    house.cold()
    order = {**ORDER, "order_id": mine.shopper_id, "customer": {"id": mine.shopper_id}}
    assert mine.shop.connect("POST", "/orders", order)["statusCode"] == 202
    settle(house)
    return mine


@pytest.mark.parametrize("make", [_admin_call, _connect_call])
def test_whatever_is_mixed_in_stays_the_others(
    two: Two, make: Callable[[Two, Callable[[], str], int], tuple[str, Any, Any]]
) -> None:
    """R-32: no answer says what was not sent, and no row of the other merchant changes."""
    before, outside = rows_of(two.house, two.b), outside_of(two.house, two.b)
    assert len(before) > 15
    _finds_what_is_the_others(two)
    of_all = len(OPERATIONS) if make is _admin_call else 3 * len(CONNECT)
    stored: list[Any] = []

    @settings(
        max_examples=ROUNDS[make.__name__],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(_spellings(two), min_size=7, max_size=7))
    def every_operation_once(values: list[str]) -> None:
        turn = itertools.cycle(values)
        for index in range(of_all):
            name, sent, answer = make(two, lambda: next(turn), index)
            if name in KEEPS:  # what A was told by A itself, A may show
                stored.append(sent)
            assert answer["statusCode"] < 500, (name, sent, answer)
            assert _betrayed(two, [sent, stored], answer) == [], (name, sent, answer)
            assert rows_of(two.house, two.b) == before, (name, sent)

    every_operation_once()
    two.a.shop.admin("POST", "/state", {"state": "connected"})  # a paused one holds its tasks
    settle(two.house)
    assert rows_of(two.house, two.b) == before
    assert outside_of(two.house, two.b) == outside


def _finds_what_is_the_others(two: Two) -> None:
    """B's own answers hold what A must never see: so it would be noticed."""
    own = f"/v1/connections/{two.b.shop.connection_id}"
    for path in (f"/v1/merchants/{two.b.merchant}/inbox", own, f"{own}/reviews"):
        assert _betrayed(two, path, two.house.admin("GET", path)), path


def _betrayed(two: Two, sent: Any, answer: Mapping[str, Any]) -> list[str]:
    """Return what of B the answer says that the call had not."""
    said, known = json.dumps(answer), json.dumps(sent)
    # TEA-02 names the connection that has the account, and nothing else of it.
    if '"account_already_linked"' in str(answer.get("body")):
        known += two.b.shop.connection_id
    return [word for word in two.secrets() if word in said and word not in known]


def test_all_of_connect_is_called() -> None:
    """The table above is the API's: a new route has to be put into it."""
    routes = [*api._static_routes, *api._dynamic_routes]
    rules = {(r.method, r.path.replace("<", "{").replace(">", "}")) for r in routes}
    assert rules == CONNECT.keys()
