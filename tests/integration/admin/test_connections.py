"""Connections over the admin API: made once, moved on, checked, changed, rotated."""

from __future__ import annotations

import itertools
import json
import re
from datetime import timedelta
from typing import Any

import pytest

from concord.bootstrap import Parts
from concord.config import settings
from concord.domain.credentials import ConnectionSecrets
from concord.domain.identity import token_hash
from concord.entrypoint.observability import TELEMETRY
from tests.integration.admin.calls import MERCHANT, call, new_connection, ok, refused, seed
from tests.sandbox.harness import BASE
from tests.support.counting import counted
from tests.world.events import BASE_URL
from tests.world.shop import Shop
from tests.world.world import World

SETTINGS_PATH = "/v1/connections/{}"


@pytest.fixture
def merchant(house: World) -> str:
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    return "m1"


AWS = {"platform": "aws", "from": "+12125550188"}
TEA = {"platform": "text_em_all", "from": "+12125550188"}


def make(house: World, merchant: str = "m1", **accounts: Any) -> dict[str, Any]:
    return ok(house, "POST", f"/v1/merchants/{merchant}/connections", new_connection(**accounts))


def move(house: World, connection_id: str, *states: str) -> None:
    for state in states:
        ok(house, "POST", f"/v1/connections/{connection_id}/state", {"state": state})


def secrets_of(house: World, connection_id: str, parts: Parts | None = None) -> ConnectionSecrets:
    """Return the secrets as a process has them that sees the connection as it is now."""
    parts = parts or house.parts
    connection = parts.connections.get(connection_id, fresh=True)
    assert connection is not None
    return parts.authenticator.with_secrets(connection).secrets


def test_creation_answers_every_secret_once_and_stores_only_hashes(
    house: World, merchant: str
) -> None:
    """TEA-01: switched on by request; R-03: tokens and keys are kept as SHA-256."""
    status, made = call(house, "POST", "/v1/merchants/m1/connections", new_connection())
    assert status == 201
    assert set(made) == {"connection_id", "state", "webhooks", "webhook_secret", "connect_key"}
    assert made["state"] == "requested"
    assert re.fullmatch(r"m1\.[a-z2-7]{10}", made["connection_id"])
    assert set(made["webhooks"]) == {"catapult", "text_em_all"}
    assert made["connect_key"].startswith("ck_")
    assert made["webhook_secret"].startswith("whsec_")
    for platform, url in made["webhooks"].items():
        base, _, token = url.rpartition("/")
        assert base == f"{BASE_URL}/webhooks/{platform}/{made['connection_id']}"
        assert len(token) >= 43
    table = json.dumps(house.rows(), default=str)
    token = made["webhooks"]["catapult"].rpartition("/")[2]
    assert token_hash(token) in table
    assert token_hash(made["connect_key"]) in table
    for secret in (token, made["connect_key"], made["webhook_secret"], "SECRET-"):
        assert secret not in table
    stored = secrets_of(house, made["connection_id"])
    assert stored.source["api_key"] == "SECRET-api-key"
    assert stored.webhook_secrets[0].value == made["webhook_secret"]


def test_credentials_never_come_back(house: World, merchant: str) -> None:
    """R-32: nothing that is secret is readable through the API or the audit trail."""
    connection_id = make(house)["connection_id"]
    shown = ok(house, "GET", f"/v1/connections/{connection_id}")
    assert shown["source"]["credentials"] == shown["destination"]["credentials"] == "set"
    change = {"source": {"credentials": {"api_key": "SECRET-new"}}}
    changed = ok(house, "PATCH", f"/v1/connections/{connection_id}", change)
    audit = ok(house, "GET", f"/v1/connections/{connection_id}/audit")
    assert "SECRET" not in json.dumps([shown, changed, audit])
    assert audit["items"][0]["action"] == "settings_changed"
    assert audit["items"][0]["details"] == {"credentials": ["source"]}
    stored = secrets_of(house, connection_id)
    assert stored.source == {"api_key": "SECRET-new"}
    assert stored.destination["access_token"] == "SECRET-at"


@pytest.mark.parametrize(
    ("tea", "catapult"), [("tea-1", "cat-2"), ("tea-2", "cat-1"), ("tea-1", "cat-1")]
)
def test_a_second_link_from_either_side_names_the_first(
    house: World, merchant: str, tea: str, catapult: str
) -> None:
    """TEA-02: 409 account_already_linked names the existing link, and nothing else of it."""
    first = make(house)["connection_id"]
    ok(house, "PUT", "/v1/merchants/m2", MERCHANT)
    path = "/v1/merchants/m2/connections"
    status, problem = call(house, "POST", path, new_connection(tea, catapult))
    assert (status, problem["code"]) == (409, "account_already_linked")
    assert problem["connection_id"] == first
    assert set(problem) <= {
        "type", "title", "status", "code", "detail", "connection_id", "platform"
    }  # fmt: skip
    assert ok(house, "GET", path)["items"] == []


def test_an_ended_connection_frees_both_accounts(house: World, merchant: str) -> None:
    """TEA-01, TEA-02: disconnected is final and both accounts can be linked again."""
    first = make(house)["connection_id"]
    move(house, first, "disconnected")
    second = make(house)["connection_id"]
    assert second != first
    refusal = refused(house, "POST", f"/v1/connections/{first}/state", {"state": "pending"})
    assert refusal[:2] == (409, "invalid_transition")


@pytest.mark.parametrize("bad", ["disconnected>requested", "requested>connected", "pending>paused"])
def test_only_the_named_transitions_are_possible(house: World, merchant: str, bad: str) -> None:
    """TEA-01: any other transition is 409 and changes nothing."""
    start, wanted = bad.split(">")
    connection_id = make(house)["connection_id"]
    if start != "requested":
        move(house, connection_id, start)
    path = f"/v1/connections/{connection_id}"
    assert refused(house, "POST", f"{path}/state", {"state": wanted})[:2] == (
        409,
        "invalid_transition",
    )
    assert ok(house, "GET", path)["state"] == start


def test_every_transition_is_audited_with_its_actor(house: World, merchant: str) -> None:
    """TEA-01: each transition audited."""
    connection_id = make(house)["connection_id"]
    path = f"/v1/connections/{connection_id}"
    for state in ("pending", "connected", "paused", "connected", "disconnected"):
        ok(house, "POST", f"{path}/state", {"state": state, "actor": "Ana"}, user_arn="arn:op")
    audit = ok(house, "GET", f"{path}/audit?limit=100")["items"]
    moves = [
        (e["details"]["from"], e["details"]["to"]) for e in audit if e["action"] == "state_changed"
    ]
    assert moves == [
        ("connected", "disconnected"),
        ("paused", "connected"),
        ("connected", "paused"),
        ("pending", "connected"),
        ("requested", "pending"),
    ]
    assert {e["actor"] for e in audit if e["action"] == "state_changed"} == {"arn:op for Ana"}
    pages = []
    cursor = ""
    while cursor is not None:
        page = ok(house, "GET", f"{path}/audit?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        pages += page["items"]
        cursor = page["cursor"]
    assert pages == audit


def test_first_number_is_the_oldest_ever_seen(house: World, merchant: str) -> None:
    """TEA-23: default = earliest number even after newer ones are added; override wins."""
    seed(house, "tea-1", "cat-1", "+18885550100")
    connection_id = make(house)["connection_id"]
    path = f"/v1/connections/{connection_id}"
    move(house, connection_id, "pending", "connected")
    assert ok(house, "GET", path)["fallback_number"] == "+18885550100"
    assert house.parts.connections.by_number("+18885550100") == connection_id
    seed(house, "tea-1", "cat-1", "+18885550100", "+18885550199")
    checked = ok(house, "POST", f"{path}/check")
    assert checked["text_numbers"] == ["+18885550100", "+18885550199"]
    assert checked["first_number"] == "+18885550100"
    override = ok(house, "PATCH", path, {"settings": {"fallback_number": "(212) 555-0123"}})
    assert override["fallback_number"] == "+12125550123"
    cleared = ok(house, "PATCH", path, {"settings": {"fallback_number": None}})
    assert cleared["fallback_number"] == "+18885550100"
    again = ok(house, "PATCH", path, {"fallback_number": "+12125550124"})
    assert again["settings"]["fallback_number"] == "+12125550124"
    bad = refused(house, "PATCH", path, {"settings": {"fallback_number": "12"}})
    assert bad == (422, "invalid_phone", ["settings.fallback_number"])
    assert ok(house, "GET", path)["fallback_number"] == "+12125550124"


def test_connecting_while_the_platform_is_away_fetches_numbers_later(
    house: World, merchant: str
) -> None:
    """TEA-23: the transition stands; a task brings the numbers once the platform is back."""
    seed(house, "tea-1", "cat-1", "+18885550100")
    connection_id = make(house)["connection_id"]
    house.sandbox.fault(platform="text_em_all", status=503)
    move(house, connection_id, "pending", "connected")
    path = f"/v1/connections/{connection_id}"
    assert ok(house, "GET", path)["text_numbers"] == []
    house.sandbox.post("/_reset")
    house.clock.advance(timedelta(minutes=20))
    house.sweep()
    house.pump()
    assert ok(house, "GET", path)["fallback_number"] == "+18885550100"


def test_check_names_the_side_whose_credentials_are_bad(house: World, merchant: str) -> None:
    """TEA-01: 422 invalid_api_key with a hint; a paused connection comes back with good ones."""
    seed(house, "tea-1", "cat-1", "+18885550100")
    connection_id = make(house)["connection_id"]
    path = f"/v1/connections/{connection_id}"
    assert ok(house, "POST", f"{path}/check")["platforms"] == {
        "catapult": "ok",
        "text_em_all": "ok",
    }
    move(house, connection_id, "pending", "connected", "paused")
    ok(house, "PATCH", path, {"source": {"credentials": {"api_key": "wrong"}}})
    bad = refused(house, "POST", f"{path}/check")
    assert bad == (422, "invalid_api_key", ["source.credentials"])
    ok(house, "PATCH", path, {"source": {"credentials": {"api_key": "SECRET-api-key"}}})
    assert ok(house, "POST", f"{path}/check")["state"] == "paused"
    move(house, connection_id, "connected")


def test_check_tells_network_trouble_from_bad_credentials(house: World, merchant: str) -> None:
    """TEA-01: a platform that is away is no verdict on its credentials."""
    seed(house, "tea-1", "cat-1")
    connection_id = make(house)["connection_id"]
    house.sandbox.fault(platform="text_em_all", status=503)
    status, code, _ = refused(house, "POST", f"/v1/connections/{connection_id}/check")
    assert status in (502, 503)
    assert code != "invalid_api_key"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"integration": "lightspeed-ecomail"}, "integration"),
        ({"source": {"platform": "text_em_all"}}, "source.platform"),
        ({"source": {"account_id": "a#b"}}, "source.account_id"),
        ({"source": {"base_url": "https://evil.example/x"}}, "source.base_url"),
        ({"destination": {"base_url": "ftp://sandbox.test"}}, "destination.base_url"),
        ({"destination": {"credentials": None}}, "destination.credentials"),
        ({"settings": {"join_keyword": "STOP"}}, "settings.join_keyword"),
        ({"settings": {"texts": {"invitation": "$price"}}}, "settings.texts.invitation"),
        ({"settings": {"fallback_number": "nope"}}, "settings.fallback_number"),
        (
            {"settings": {"sender": {"platform": "pigeon", "from": "+12125550100"}}},
            "settings.sender.platform",
        ),
        (
            {"settings": {"sender": {**AWS, "settings": {"api_key": "x"}}}},
            "settings.sender.settings",
        ),
        ({"settings": {"sender": {**AWS, "numbers": ["12"]}}}, "settings.sender.numbers"),
        (
            {"settings": {"sender": {**TEA, "settings": {"paths": {}}}}},
            "settings.sender.settings",
        ),
        ({"settings": {"texts": {"help": None}}}, "settings.texts.help"),
        ({"settings": {"texts": {"help_reply": ""}}}, "settings.texts.help_reply"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
        ({"settings": {"rate": 0}}, "settings.rate"),
        ({"settings": {"rate": -1}}, "settings.rate"),
        ({"settings": {"rate": 1000.5}}, "settings.rate"),
        ({"settings": {"rate": "fast"}}, "settings.rate"),
        ({"settings": {"rate": True}}, "settings.rate"),
        ({"settings": {"depth_seconds": 0}}, "settings.depth_seconds"),
        ({"settings": {"depth_seconds": 61}}, "settings.depth_seconds"),
        ({"settings": {"depth_seconds": 1.5}}, "settings.depth_seconds"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    house: World, merchant: str, change: dict[str, Any], field: str
) -> None:
    """TEA-01: the answer names the field, and no account is linked."""
    body = new_connection()
    for name, value in change.items():
        body[name] = {**body[name], **value} if isinstance(value, dict) else value
    status, _, fields = refused(house, "POST", "/v1/merchants/m1/connections", body)
    assert (status, fields) == (422, [field])
    make(house)


@pytest.mark.parametrize(
    "settings",
    [
        {"token_secret": "SECRET-x"},
        {"apiKey": "SECRET-x"},
        {"Password": "SECRET-x"},
        {"paths": {"auth": "SECRET-x"}},
        {"access_token": "SECRET-x", "lowercase_credentials": True},
    ],
)
def test_a_secret_among_the_settings_is_refused(
    house: World, merchant: str, settings: dict[str, Any]
) -> None:
    """R-32: settings are shown by the API; the answer says where a secret goes, and not which."""
    body = new_connection()
    body["destination"]["settings"] = settings
    answer = house.admin("POST", "/v1/merchants/m1/connections", body)
    (error,) = house.body(answer)["errors"]
    assert (answer["statusCode"], error["field"]) == (422, "destination.settings")
    assert "credentials" in error["message"]
    path = f"/v1/connections/{make(house)['connection_id']}"
    change = {"source": {"settings": settings}}
    assert refused(house, "PATCH", path, change) == (422, "invalid_request", ["source.settings"])
    assert "SECRET-x" not in json.dumps([answer, house.rows()], default=str)


def test_what_only_sounds_like_a_secret_is_a_setting(house: World, merchant: str) -> None:
    """TEA-01: the header that carries the key, and how keys are spelled, are shown."""
    body = new_connection()
    body["source"]["settings"] = {"auth_header": "X-Key", "paths": {"set_consent": "/c"}}
    types = {"AuthorisedText": "inbound_text"}
    body["destination"]["settings"] = {"lowercase_credentials": True, "types": types}
    made = ok(house, "POST", "/v1/merchants/m1/connections", body)
    shown = ok(house, "GET", f"/v1/connections/{made['connection_id']}")
    for side in ("source", "destination"):
        assert shown[side]["settings"] == body[side]["settings"]


def test_a_sender_of_its_own_has_its_own_webhook(house: World, merchant: str) -> None:
    """TEA-01: webhooks for source, destination and sender; the carrier answers STOP by default."""
    sender = {
        "platform": "twilio",
        "base_url": f"{BASE}/twilio",
        "from": "+12125550177",
        "credentials": {"account_sid": "AC1", "auth_token": "SECRET-t"},
    }
    body = new_connection(sender=sender)
    made = ok(house, "POST", "/v1/merchants/m1/connections", body)
    assert set(made["webhooks"]) == {"catapult", "text_em_all", "twilio"}
    shown = ok(house, "GET", f"/v1/connections/{made['connection_id']}")["settings"]["sender"]
    assert shown["answers_stop"] is True
    assert shown["credentials"] == "set"
    move(house, made["connection_id"], "pending", "connected")
    assert house.parts.connections.by_number("+12125550177") == made["connection_id"]
    gone = ok(house, "PATCH", f"/v1/connections/{made['connection_id']}", {"sender": None})
    assert gone["settings"]["sender"] is None
    assert secrets_of(house, made["connection_id"]).sender == {}


def test_a_sender_that_only_a_topic_speaks_for_has_no_webhook(house: World, merchant: str) -> None:
    """TEA-01: a URL that would refuse whatever comes is not handed out, nor after a rotation."""
    body = new_connection(sender=AWS)
    made = ok(house, "POST", "/v1/merchants/m1/connections", body)
    path = f"/v1/connections/{made['connection_id']}"
    rotated = ok(house, "POST", f"{path}/rotate", {"what": "token"})
    assert set(made["webhooks"]) == set(rotated["webhooks"]) == {"catapult", "text_em_all"}


def test_the_audit_trail_shows_all_of_a_sender(house: World, shop: Shop) -> None:
    """R-32: who carried her texts, and from where, at any time; nothing secret."""
    path = f"/v1/connections/{shop.connection_id}"
    sender = {
        "platform": "twilio",
        "base_url": f"{BASE}/twilio",
        "account_id": "AC1",
        "from": "MG1",
        "numbers": ["+12125550177"],
        "settings": {"note": "x"},
        "answers_stop": False,
    }
    secret = {"credentials": {"auth_token": "SECRET-t"}}
    ok(house, "PATCH", path, {"settings": {"sender": {**sender, **secret}}})
    other = {**sender, "account_id": "AC2"}
    ok(house, "PATCH", path, {"settings": {"sender": other}})
    second, first = ok(house, "GET", f"{path}/audit")["items"][:2]
    assert first["details"]["sender"] == {"from": None, "to": sender}
    assert second["details"]["sender"] == {"from": sender, "to": other}


def test_a_rate_is_set_audited_and_taken_back(house: World, shop: Shop) -> None:
    """R-08: what a carrier granted this account, in texts a second; null = its platform's own."""
    path = f"/v1/connections/{shop.connection_id}"
    assert ok(house, "GET", path)["settings"]["rate"] is None
    changed = ok(house, "PATCH", path, {"settings": {"rate": 12.5}})
    assert changed["settings"]["rate"] == 12.5
    again = ok(house, "PATCH", path, {"settings": {"join_keyword": "BREAD"}})
    assert again["settings"]["rate"] == 12.5
    back = ok(house, "PATCH", path, {"settings": {"rate": None}})
    assert back["settings"]["rate"] is None
    details = [row["details"].get("rate") for row in ok(house, "GET", f"{path}/audit")["items"]]
    assert details[:3] == [{"from": 12.5, "to": None}, None, {"from": None, "to": 12.5}]


def test_the_price_of_a_segment_is_set_audited_and_taken_back(house: World, shop: Shop) -> None:
    """R-11: what previews reckon with; null = the cost is unknown."""
    path = f"/v1/connections/{shop.connection_id}"
    price = {"amount": "0.0079", "currency": "USD"}
    assert ok(house, "GET", path)["settings"]["segment_price"] is None
    changed = ok(house, "PATCH", path, {"settings": {"segment_price": price}})
    assert changed["settings"]["segment_price"] == price
    assert ok(house, "GET", path)["settings"]["segment_price"] == price
    ok(house, "PATCH", path, {"settings": {"segment_price": None}})
    found = ok(house, "GET", f"{path}/audit")["items"][:2]
    assert [row["details"]["segment_price"] for row in found] == [
        {"from": price, "to": None},
        {"from": None, "to": price},
    ]


@pytest.mark.parametrize("price", [{"amount": "free", "currency": "USD"}, {"amount": "1"}, 1])
def test_a_price_that_is_none_is_refused(house: World, shop: Shop, price: object) -> None:
    """R-11: an amount as text, a currency by its code."""
    path = f"/v1/connections/{shop.connection_id}"
    status, _, _ = refused(house, "PATCH", path, {"settings": {"segment_price": price}})
    assert status == 422


def test_a_text_that_does_not_exist_is_refused_also_as_null(house: World, shop: Shop) -> None:
    """TEA-17: the kind is help_reply; whoever resets `help` must not believe that it worked."""
    path = f"/v1/connections/{shop.connection_id}"
    for body in ({"texts": {"help": None}}, {"settings": {"texts": {"help": None}}}):
        refusal = refused(house, "PATCH", path, body)
        assert refusal == (422, "invalid_request", ["settings.texts.help"])


def test_texts_are_merged_and_null_is_the_default(house: World, shop: Shop) -> None:
    """TEA-17: a merchant's own wording, one text at a time."""
    path = f"/v1/connections/{shop.connection_id}"
    texts = {"invitation": "Hi, reply $join", "help_reply": "$merchant"}
    ok(house, "PATCH", path, {"settings": {"texts": texts}})
    one = ok(house, "PATCH", path, {"settings": {"texts": {"invitation": None}}})
    assert one["settings"]["texts"] == {"help_reply": "$merchant"}
    none = ok(house, "PATCH", path, {"settings": {"texts": None}})
    assert none["settings"]["texts"] == {}


@pytest.mark.parametrize("what", ["token", "connect_key", "webhook_secret"])
def test_rotation_keeps_the_old_secret_for_its_grace(house: World, shop: Shop, what: str) -> None:
    """R-24: both are accepted while callers are changed over, then only the new one."""
    path = f"/v1/connections/{shop.connection_id}/rotate"
    made = ok(house, "POST", path, {"what": what, "grace_seconds": 600})
    new = made["webhooks"]["catapult"].rpartition("/")[2] if what == "token" else made[what]
    before = {
        "token": shop.webhooks["catapult"].rpartition("/")[2],
        "connect_key": shop.connect_key,
        "webhook_secret": shop.webhook_secret,
    }[what]
    assert new != before

    def accepts(secret: str) -> bool:
        connection = house.parts.connections.get(shop.connection_id, fresh=True)
        assert connection is not None
        now = house.clock.now()
        if what == "token":
            return connection.accepts_token(token_hash(secret), now)
        if what == "connect_key":
            return connection.accepts_connect_key(token_hash(secret), now)
        secrets = secrets_of(house, shop.connection_id).webhook_secrets
        return secret in {s.value for s in secrets if s.usable(now)}

    assert accepts(new)
    assert accepts(before)
    house.clock.advance(timedelta(seconds=601))
    assert accepts(new)
    assert not accepts(before)


def test_rotation_without_grace_ends_the_old_one_at_once(house: World, shop: Shop) -> None:
    """R-24: a key that leaked is cut off now."""
    path = f"/v1/connections/{shop.connection_id}/rotate"
    ok(house, "POST", path, {"what": "connect_key", "grace_seconds": 0})
    assert shop.connect("GET", "/consents/sms/%2B12125550100")["statusCode"] == 401


def test_a_retired_webhook_secret_ends_in_other_processes_too(house: World, shop: Shop) -> None:
    """R-24: rotation holds where the secrets are in memory, once the connection was read again."""
    other = Parts(settings(), TELEMETRY)

    def accepted() -> set[str]:
        return {s.value for s in secrets_of(house, shop.connection_id, other).webhook_secrets}

    assert accepted() == {shop.webhook_secret}
    with counted(other.secrets.client) as requests:
        assert accepted() == {shop.webhook_secret}
    assert not requests
    path = f"/v1/connections/{shop.connection_id}/rotate"
    made = ok(house, "POST", path, {"what": "webhook_secret", "grace_seconds": 600})
    assert accepted() == {shop.webhook_secret, made["webhook_secret"]}
    last = ok(house, "POST", path, {"what": "webhook_secret", "grace_seconds": 0})
    house.clock.advance(timedelta(seconds=1))
    found = secrets_of(house, shop.connection_id, other).webhook_secrets
    assert [s.value for s in found if s.usable(house.clock.now())] == [last["webhook_secret"]]


CHANGES = {
    "source": ("PATCH", "", {"source": {"credentials": {"api_key": "SECRET-1"}}}),
    "destination": ("PATCH", "", {"destination": {"credentials": {"access_token": "SECRET-2"}}}),
    "rotation": ("POST", "/rotate", {"what": "webhook_secret", "grace_seconds": 600}),
}


@pytest.mark.parametrize(("slow", "quick"), list(itertools.permutations(CHANGES, 2)))
def test_secrets_that_change_at_the_same_time_all_change(
    house: World, shop: Shop, slow: str, quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-24: a change that another one overtook is made again, upon what the other left."""
    secrets, before = house.parts.secrets, secrets_of(house, shop.connection_id)
    save, made = secrets.save, {}

    def change(name: str) -> None:
        method, path, body = CHANGES[name]
        own = f"/v1/connections/{shop.connection_id}"
        made[name] = ok(house, method, own + path, body)

    def overtaken(connection_id: str, changed: ConnectionSecrets) -> int:
        monkeypatch.setattr(secrets, "save", save)
        change(quick)
        return save(connection_id, changed)

    monkeypatch.setattr(secrets, "save", overtaken)
    change(slow)
    after = secrets_of(house, shop.connection_id)
    new = {"source": {"api_key": "SECRET-1"}, "destination": {"access_token": "SECRET-2"}}
    expected = {name: new[name] for name in (slow, quick) if name in new}
    assert after.source == expected.get("source", before.source)
    assert after.destination == expected.get("destination", before.destination)
    rotated = [made["rotation"]["webhook_secret"]] if "rotation" in made else []
    assert [s.value for s in after.webhook_secrets] == [*rotated, shop.webhook_secret]


def test_a_sides_credentials_are_replaced_as_a_whole(house: World, shop: Shop) -> None:
    """R-24: one that leaked and is not named any more is gone, and the other side keeps its own."""
    before = secrets_of(house, shop.connection_id)
    assert len(before.destination) > 1
    path = f"/v1/connections/{shop.connection_id}"
    ok(house, "PATCH", path, {"destination": {"credentials": {"access_token": "SECRET-2"}}})
    after = secrets_of(house, shop.connection_id)
    assert after.destination == {"access_token": "SECRET-2"}
    assert after.source == before.source


def test_more_secrets_than_can_be_stored_are_refused(house: World, merchant: str) -> None:
    """TEA-01: 422 naming the limit; no account is linked, and what was there stays."""
    long = {f"k{n}": "x" * 2000 for n in range(3)}
    body = new_connection()
    body["source"]["credentials"] = long
    too_much = (422, "invalid_request", ["credentials"])
    assert refused(house, "POST", "/v1/merchants/m1/connections", body) == too_much
    assert ok(house, "GET", "/v1/merchants/m1/connections")["items"] == []
    path = f"/v1/connections/{make(house)['connection_id']}"
    change = {"source": {"base_url": f"{BASE}/other", "credentials": long}}
    assert refused(house, "PATCH", path, change) == too_much
    assert ok(house, "GET", path)["source"]["base_url"] == f"{BASE}/catapult"
    assert secrets_of(house, path.rpartition("/")[2]).source == {"api_key": "SECRET-api-key"}


def test_the_same_idempotency_key_is_answered_alike_without_secrets(
    house: World, merchant: str
) -> None:
    """R-27: same key and body = the same answer for 24 h, secrets null; other body = 409."""
    path, key = "/v1/merchants/m1/connections", {"Idempotency-Key": "k-1"}
    first = ok(house, "POST", path, new_connection(), headers=key)
    status, again = call(house, "POST", path, new_connection(), headers=key)
    assert status == 201
    assert again == {
        **first,
        "connect_key": None,
        "webhook_secret": None,
        "webhooks": {"catapult": None, "text_em_all": None},
    }
    other = refused(house, "POST", path, new_connection("tea-2", "cat-2"), headers=key)
    assert other[:2] == (409, "idempotency_key_reused")
    assert first["connect_key"] not in json.dumps(house.rows(), default=str)


def test_what_failed_may_be_tried_again_under_its_key(house: World, merchant: str) -> None:
    """R-27: only successes are remembered."""
    path, key = "/v1/merchants/m1/connections", {"Idempotency-Key": "k-2"}
    bad = new_connection(join_keyword="STOP")
    assert refused(house, "POST", path, bad, headers=key)[0] == 422
    assert call(house, "POST", path, new_connection(), headers=key)[0] == 201


def test_connections_are_listed_in_pages(house: World, merchant: str) -> None:
    """R-27: lists page with limit and cursor."""
    made = {make(house, tea=f"t{n}", catapult=f"c{n}")["connection_id"] for n in range(3)}
    first = ok(house, "GET", "/v1/merchants/m1/connections?limit=2")
    rest = ok(house, "GET", f"/v1/merchants/m1/connections?limit=2&cursor={first['cursor']}")
    assert {c["connection_id"] for c in first["items"] + rest["items"]} == made
    assert rest["cursor"] is None


@pytest.mark.parametrize("connection_id", ["m1.zzzzzzzzzz", "no-dot", "m1.UPPER", "..", "a%23b.c"])
def test_unknown_and_forged_ids_are_not_found(house: World, connection_id: str) -> None:
    """R-32: a forged id reads no row."""
    assert refused(house, "GET", f"/v1/connections/{connection_id}")[:2] == (404, "not_found")
