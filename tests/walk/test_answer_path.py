"""Whoever waits gets an answer in time, and what carries an opt-out is kept whatever went wrong."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from concord.adapters import clients, parameters
from concord.adapters.dynamodb import connections, table
from concord.services.apply_signal import ApplySignal
from tests.world.emf import emitted
from tests.world.faults import Hook, Wire, away, hanging, slow
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import PREFIX, World

type Ask = Callable[[Shop], dict[str, Any]]

# Lambda ends the Connect function after 3 s; ours answers within this.
DEADLINE = 2.5
EMAIL = "ana@example.com"


@pytest.fixture(name="wire")
def _watched(house: World) -> Wire:
    return Wire(house)


def _opt_out(shop: Shop, number: str, via: str = "pos") -> dict[str, Any]:
    body = {"event_id": new_number(), "action": "opt_out", "channel": "sms", "via": via}
    return shop.connect("POST", "/consents", {**body, "point": number})


def _save(shop: Shop, number: str, shopper: str = "s-1") -> dict[str, Any]:
    body = {"first_name": "Ana", "phones": [number], "email": EMAIL}
    return shop.connect("PUT", f"/shoppers/{shopper}", body)


def _remove(shop: Shop, shopper: str = "s-1") -> dict[str, Any]:
    return shop.connect("DELETE", f"/shoppers/{shopper}")


def _stop(shop: Shop, number: str) -> dict[str, Any]:
    body, headers = signed_inbound(shop.webhook_secret, number, shop.text_number, "STOP")
    return shop.world.receive(_path(shop), body, headers)


def _path(shop: Shop, platform: str = "text_em_all") -> str:
    return shop.webhooks[platform].split("/test", 1)[1]


def _kept(house: World) -> list[dict[str, Any]]:
    """Return what waits in the safety queue, and leave it there."""
    found = []
    for message in list(house.ground.take("safety")):
        house.ground.back("safety", message)
        found.append(json.loads(message["Body"]))
    return found


def _timed(ask: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float]:
    started = time.monotonic()
    return ask(), time.monotonic() - started


# --- a table that hangs ----------------------------------------------------------------------

CALLS: dict[str, Ask] = {
    "consents": lambda shop: _opt_out(shop, new_number()),
    "read": lambda shop: shop.connect("GET", f"/consents/email/{EMAIL}"),
    "save": lambda shop: _save(shop, new_number(), "s-2"),
    "remove": _remove,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("fault", "possible"),
    [
        # Nothing was stored and nothing was read: there is no other honest answer.
        pytest.param(hanging(0.5, "dynamodb"), {503}, id="hanging"),
        # Calls of two requests fit into the budget, the others do not: both in time.
        pytest.param(slow(0.45, "dynamodb"), {200, 201, 503}, id="slow"),
    ],
)
def test_every_connect_call_answers_within_its_deadline(
    shop: Shop, wire: Wire, call: str, fault: Hook, possible: set[int]
) -> None:
    """TEA-20: a table that hangs costs 1.2 s, then the answer says what to do."""
    _save(shop, new_number())
    shop.world.cold()
    shop.world.patience = 1
    with wire.failing(fault):
        answer, took = _timed(lambda: CALLS[call](shop))
    assert took < DEADLINE
    assert answer["statusCode"] in possible
    if answer["statusCode"] == 503:
        assert shop.world.body(answer)["fallback"]["message"]


def test_a_departure_is_kept_before_the_function_ends(shop: Shop, wire: Wire) -> None:
    """TEA-19, TEA-20, TEA-22: DELETE meets a hanging table: in the queue, in time, with a number.

    Its answer is that of an opt-out: the shopper herself is told to text STOP.
    """
    number = new_number()
    _save(shop, number)
    shop.world.patience = 1
    with wire.failing(hanging(0.5, "dynamodb")):
        answer, took = _timed(lambda: _remove(shop))

    assert took < DEADLINE
    problem = shop.world.body(answer)
    assert (answer["statusCode"], problem["code"]) == (503, "opt_out_not_confirmed")
    assert problem["fallback"]["audience"] == "shopper"
    assert problem["fallback"]["number"] == shop.text_number
    assert shop.world.rescue() == 1
    assert shop.consent(number) == "opted_out"
    assert shop.consent(EMAIL, "email") == "opted_out"


def test_a_departure_half_done_is_finished_from_the_queue(shop: Shop, wire: Wire) -> None:
    """TEA-19, R-02: the budget ends between her two channels: the rest follows, nothing twice."""
    number = new_number()
    _save(shop, number)
    shop.world.patience = 1
    with wire.failing(slow(0.33, "dynamodb")):
        assert _remove(shop)["statusCode"] == 503
    assert shop.world.rescue() == 1
    assert shop.consent(number) == "opted_out"
    assert shop.consent(EMAIL, "email") == "opted_out"
    evidence = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    assert len(evidence) == 2


# --- a cold function on a slow CPU -----------------------------------------------------------


@pytest.fixture(name="slow_sdk")
def _slow_sdk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make every client as slowly as a cold function on a slow CPU does."""
    made: list[str] = []

    real: Callable[..., Any] = clients.client

    def client(service: str, **timeouts: float) -> Any:
        made.append(service)
        time.sleep(2.5)
        return real(service, **timeouts)

    for module in (table, parameters):
        monkeypatch.setattr(module, "new_client", client)
    return made


@pytest.mark.parametrize(("send", "success"), [(_stop, 204), (_opt_out, 200)])
def test_loading_the_sdk_is_not_the_tables_time(
    shop: Shop, slow_sdk: list[str], send: Callable[[Shop, str], dict[str, Any]], success: int
) -> None:
    """TEA-22: a cold start applies the opt-out; it does not send it round by the safety queue."""
    number = new_number()
    shop.world.cold()
    shop.world.patience = 3.0  # 3.6 s, less than two such clients take
    assert send(shop, number)["statusCode"] == success
    assert slow_sdk == ["dynamodb", "ssm"]
    assert _kept(shop.world) == []


# --- keys that do not fit, and bugs of ours --------------------------------------------------


@pytest.fixture(name="lost_key", params=["missing", "wrong"])
def _lost_key(shop: Shop, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Take the stack key away; the result puts it back."""
    ssm, name = boto3.client("ssm"), f"{PREFIX}/stack-key"
    right = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    if request.param == "missing":
        ssm.delete_parameter(Name=name)
    else:
        wrong = base64.b64encode(os.urandom(32)).decode()
        ssm.put_parameter(Name=name, Value=wrong, Type="SecureString", Overwrite=True)
    shop.world.cold()

    def put_back() -> None:
        ssm.put_parameter(Name=name, Value=right, Type="SecureString", Overwrite=True)
        shop.world.cold()

    return put_back


def test_an_opt_out_outlives_a_lost_stack_key(
    shop: Shop, lost_key: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """L-08, TEA-20, TEA-21: nothing is decided, 503 to everybody, and nothing is lost."""
    house, texter, caller = shop.world, new_number(), new_number()
    before = house.rows()

    webhook, connect = _stop(shop, texter), _opt_out(shop, caller, "pos")

    assert house.rows() == before
    assert webhook["statusCode"] == 503
    problem = house.body(connect)
    assert (connect["statusCode"], problem["code"]) == (503, "opt_out_not_confirmed")
    assert problem["fallback"]["audience"] == "operator"
    assert problem["fallback"]["number"] == shop.text_number
    assert emitted(capsys.readouterr().out, "StackKeyMismatch") == 2
    assert house.rescue() == 0  # still lost: both stay
    assert house.rows() == before

    lost_key()
    assert house.rescue() == 2
    assert [shop.consent(n) for n in (texter, caller)] == ["opted_out", "opted_out"]


def test_a_departure_outlives_a_lost_stack_key(shop: Shop) -> None:
    """L-08, TEA-19: the same for an account that is closed."""
    number = new_number()
    _save(shop, number)
    ssm, name = boto3.client("ssm"), f"{PREFIX}/stack-key"
    right = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    shop.world.cold()
    answer = _remove(shop)
    assert (answer["statusCode"], shop.world.body(answer)["code"]) == (503, "opt_out_not_confirmed")
    ssm.put_parameter(Name=name, Value=right, Type="SecureString", Overwrite=True)
    shop.world.cold()
    assert shop.world.rescue() == 1
    assert shop.consent(number) == "opted_out"


@pytest.mark.parametrize("via", ["pos", "web_cart"])
def test_an_opt_out_that_meets_a_bug_is_kept(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    via: str,
) -> None:
    """TEA-20, TEA-21: our fault: kept, the right words and number, and somebody is woken."""
    house, number, leaving = shop.world, new_number(), new_number()
    _save(shop, leaving)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(ApplySignal, "_plan", lambda *_: 1 / 0)
        answer, gone = _opt_out(shop, number, via), _remove(shop)
        assert house.rescue() == 0  # not repaired yet: they stay

    problem = house.body(answer)
    assert (answer["statusCode"], problem["code"]) == (503, "opt_out_not_confirmed")
    assert problem["fallback"]["audience"] == {"pos": "operator"}.get(via, "shopper")
    assert problem["fallback"]["number"] == shop.text_number
    assert house.body(gone)["fallback"]["number"] == shop.text_number
    assert emitted(capsys.readouterr().out, "UnhandledError") >= 2
    assert "ZeroDivisionError" in caplog.text

    assert house.rescue() == 2
    assert [shop.consent(n) for n in (number, leaving)] == ["opted_out", "opted_out"]


# --- memory that is old ----------------------------------------------------------------------


def _grown_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an hour go by for what is remembered."""
    monkeypatch.setattr(connections, "_FRESH_FOR", -3600.0)


def _rotated(shop: Shop, what: str) -> dict[str, Any]:
    """Rotate while this process still remembers the connection as it was."""
    memory = dict(shop.world.parts.connections._memory)
    secrets = dict(shop.world.parts.secrets._memory)
    answer = shop.admin("POST", "/rotate", {"what": what, "grace_seconds": 0})
    assert answer["statusCode"] == 200, answer
    shop.world.parts.connections._memory.update(memory)
    shop.world.parts.secrets._memory.update(secrets)
    return shop.world.body(answer)


def test_old_memory_turns_no_new_key_away(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TEA-20, R-32: rotated since it was read, and the table is away: kept as unverified."""
    number, leaving = new_number(), new_number()
    _save(shop, leaving)
    shop.connect_key = _rotated(shop, "connect_key")["connect_key"]
    _grown_old(monkeypatch)
    with wire.failing(away("dynamodb")):
        answers = [_opt_out(shop, number), _remove(shop)]

    for answer in answers:
        assert answer["statusCode"] == 503
        assert shop.world.body(answer)["fallback"]["number"] == shop.text_number
    assert [m["verified"] for m in _kept(shop.world)] == [False, False]
    assert shop.world.rescue() == 2
    assert [shop.consent(n) for n in (number, leaving)] == ["opted_out", "opted_out"]


@pytest.mark.parametrize("what", ["token", "webhook_secret"])
def test_old_memory_turns_no_new_token_away(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """TEA-22, R-32: the same for a webhook: 202, and proven when it comes home."""
    _stop(shop, new_number())
    number, fresh = new_number(), _rotated(shop, what)
    shop.webhook_secret = fresh.get("webhook_secret") or shop.webhook_secret
    shop.webhooks = fresh.get("webhooks") or shop.webhooks
    _grown_old(monkeypatch)
    with wire.failing(away("dynamodb")):
        assert _stop(shop, number)["statusCode"] == 202
    assert shop.world.rescue() == 1
    assert shop.consent(number) == "opted_out"


# --- what the queue may know -----------------------------------------------------------------


def test_no_key_waits_in_the_safety_queue(shop: Shop, wire: Wire) -> None:
    """R-25, R-32: neither the connect key nor the path token stands in what is kept."""
    number = new_number()
    _save(shop, number)
    token = _path(shop).rsplit("/", 1)[1]
    body, headers = signed_inbound(shop.webhook_secret, number, shop.text_number, "STOP")
    with wire.failing(away("dynamodb")):
        _opt_out(shop, number)
        _remove(shop)
        shop.world.receive(_path(shop), body, {**headers, "Cookie": "session=1"})
    kept = _kept(shop.world)
    assert sorted(message["kind"] for message in kept) == ["connect", "shopper", "webhook"]
    text = json.dumps(kept)
    assert shop.connect_key not in text
    assert token not in text
    assert not {"authorization", "cookie"} & {h for m in kept for h in m["request"]["headers"]}
    assert shop.world.rescue() == 3
