"""What is away, and what still holds: the table, the queues, a platform, our keys."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from concord.adapters.dynamodb import task_keys
from concord.domain.tasks import RowKey
from concord.domain.times import from_rfc3339
from tests.world.emf import emitted
from tests.world.faults import Wire, away, open_tasks, platform_away, settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import PREFIX, World


@pytest.fixture(name="wire")
def _watched(house: World) -> Wire:
    return Wire(house)


def _opt_out(shop: Shop, number: str, via: str = "pos") -> dict[str, Any]:
    body = {"event_id": new_number(), "action": "opt_out", "channel": "sms", "via": via}
    return shop.connect("POST", "/consents", {**body, "point": number})


# --- the table -------------------------------------------------------------------------------


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_a_stop_survives_the_table(shop: Shop, wire: Wire, cold: bool) -> None:
    """TEA-22, L-08: table away -> 202 and the safety queue; applied by itself when it is back.

    The clock of the opt-out is the moment it was received, however late it comes home.
    """
    house, person = shop.world, Person(shop).texts("JOIN")
    deliver, received = person.text("STOP"), shop.world.clock.now()
    if cold:
        house.cold()
    with wire.failing(away("dynamodb")):
        assert deliver(1)["statusCode"] == 202
        assert house.rescue() == 0  # still away: it stays in the queue
    assert shop.consent(person.number) == "opted_in"

    house.clock.advance(timedelta(hours=1))
    assert house.rescue() == 1

    assert shop.consent(person.number) == "opted_out"
    state = next(r for r in house.rows("C#") if r.get("point") == person.number)
    out_at = from_rfc3339(state["marks"]["out_at"])
    assert abs((out_at - received).total_seconds()) < 2
    settle(house)
    assert shop.contact(person.number) is False
    assert shop.phones(person.id) == {person.number: False}
    # More than five minutes late, a confirmation would be one text too many (TEA-17).
    assert len(shop.inbox_of(person.number)) == 1


def test_a_stop_rescued_in_time_is_confirmed(shop: Shop, wire: Wire) -> None:
    """TEA-17, L-08: brought home within five minutes, the opt-out has its one confirmation."""
    person = Person(shop).texts("JOIN")
    deliver = person.text("STOP")
    with wire.failing(away("dynamodb")):
        deliver(1)
    deliver(1)  # the sender tries again, and is served
    assert shop.world.rescue() == 1
    settle(shop.world)
    assert person.effect().texts == 2
    assert person.effect().evidence == 2


VIAS = {
    "web_cart": "shopper",
    "account": "shopper",
    "checkout": "shopper",
    "pos": "operator",
    "web_office": "operator",
}


@pytest.mark.parametrize("via", VIAS)
def test_whoever_waits_learns_how_to_opt_out_by_text(shop: Shop, wire: Wire, via: str) -> None:
    """TEA-20, TEA-21, TEA-22: 503 with the words for this reader and the right number; kept."""
    number = new_number()
    _opt_out(shop, new_number())  # warm
    with wire.failing(away("dynamodb")):
        answer = _opt_out(shop, number, via)

    problem = shop.world.body(answer)
    assert (answer["statusCode"], problem["code"]) == (503, "opt_out_not_confirmed")
    assert problem["fallback"]["audience"] == VIAS[via]
    assert problem["fallback"]["number"] == shop.text_number
    assert shop.text_number in problem["fallback"]["message"]
    assert ("Tell the customer" in problem["fallback"]["message"]) is (VIAS[via] == "operator")

    assert shop.world.rescue() == 1
    assert shop.consent(number) == "opted_out"


@pytest.mark.parametrize("stack_number", [None, "+15550009999"])
def test_a_cold_function_has_neutral_words_or_the_stacks_number(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch, stack_number: str | None
) -> None:
    """TEA-20: nothing in memory: the stack's own number, else wording that needs none."""
    if stack_number:
        monkeypatch.setenv("FALLBACK_NUMBER", stack_number)
    shop.world.cold()
    with wire.failing(away("dynamodb", "ssm")):
        answer = _opt_out(shop, new_number(), "web_cart")

    fallback = shop.world.body(answer)["fallback"]
    assert answer["statusCode"] == 503
    assert fallback["number"] == stack_number
    if stack_number:
        assert stack_number in fallback["message"]
    else:
        assert "reply STOP to any text you got from this shop" in fallback["message"]
    assert shop.world.rescue() == 1


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_the_queue_is_away_as_well(shop: Shop, wire: Wire, cold: bool) -> None:
    """TEA-20, TEA-21: nothing can be kept: 503 and the fallback, and never a bare 500."""
    person = Person(shop)
    deliver = person.text("STOP")
    _opt_out(shop, new_number())
    if cold:
        shop.world.cold()
    with wire.failing(away("dynamodb", "sqs", "ssm")):
        webhook, connect = deliver(1), _opt_out(shop, person.number, "web_cart")

    assert webhook["statusCode"] == 503
    assert webhook["headers" if "headers" in webhook else "multiValueHeaders"]
    assert shop.world.body(webhook)["code"] == "storage_unavailable"
    assert connect["statusCode"] == 503
    assert shop.world.body(connect)["fallback"]["audience"] == "shopper"
    assert deliver(1)["statusCode"] == 204  # the sender's next try
    assert shop.consent(person.number) == "opted_out"


def test_a_departure_survives_the_table(shop: Shop, wire: Wire) -> None:
    """TEA-22: DELETE of a shopper waits in the safety queue too, both channels with it."""
    number = new_number()
    shopper = {"first_name": "Ana", "phones": [number], "email": "ana@example.com"}
    assert shop.connect("PUT", "/shoppers/s-1", shopper)["statusCode"] == 201
    with wire.failing(away("dynamodb")):
        answer = shop.connect("DELETE", "/shoppers/s-1")
    assert answer["statusCode"] == 503
    assert "fallback" in shop.world.body(answer)

    assert shop.world.rescue() == 1
    assert shop.consent(number) == "opted_out"
    assert shop.consent("ana@example.com", "email") == "opted_out"


def _forged_token(shop: Shop, number: str) -> dict[str, Any]:
    body, headers = signed_inbound(shop.webhook_secret, number, shop.text_number, "STOP")
    path = f"/webhooks/text_em_all/{shop.connection_id}/{'x' * 43}"
    return shop.world.receive(path, body, headers)


def _forged_signature(shop: Shop, number: str) -> dict[str, Any]:
    wrong = "whsec_" + base64.b64encode(b"w" * 32).decode()
    body, headers = signed_inbound(wrong, number, shop.text_number, "UNSTOP")
    return shop.world.receive(shop.webhooks["text_em_all"].split("/test", 1)[1], body, headers)


def _forged_key(shop: Shop, number: str) -> dict[str, Any]:
    body = {"event_id": "e-1", "action": "opt_out", "channel": "sms", "via": "pos", "point": number}
    path = f"/connect/{shop.connection_id}/consents"
    return shop.world.connect("POST", path, "ck_made_up", body)


@pytest.mark.parametrize("forge", [_forged_token, _forged_signature, _forged_key])
def test_a_forged_request_is_refused_when_it_comes_home(
    shop: Shop,
    wire: Wire,
    capsys: pytest.CaptureFixture[str],
    forge: Callable[[Shop, str], dict[str, Any]],
) -> None:
    """R-32: unverified in the queue means verified on the way out: nothing of it has an effect."""
    house, number = shop.world, new_number()
    house.cold()
    with wire.failing(away("dynamodb", "ssm")):
        assert forge(shop, number)["statusCode"] in (202, 503)
    before = house.rows()

    capsys.readouterr()
    assert house.rescue() == 1
    assert house.rows() == before
    assert emitted(capsys.readouterr().out, "RescueRefused") == 1
    assert forge(shop, number)["statusCode"] == 401  # warm, it never even gets there
    with wire.failing(away("dynamodb")):
        assert forge(shop, number)["statusCode"] == 401
    assert house.rescue() == 0


# --- platforms -------------------------------------------------------------------------------


def _told(shop: Shop, platform: str, method: str = "PUT") -> list[dict[str, Any]]:
    return [c for c in shop.world.sandbox.calls(platform) if c["method"] == method]


def test_opt_outs_reach_catapult_once_when_it_is_back(shop: Shop) -> None:
    """TEA-11, TEA-22: CATAPULT down: suppressed at once everywhere else; told once it is back."""
    people = [Person(shop).texts("JOIN") for _ in range(3)]
    house = shop.world
    house.sandbox.post("/_reset")
    house.sandbox.fault(platform="catapult", status=500)
    for person in people:
        person.text("STOP")(1)
        assert shop.consent(person.number) == "opted_out"
    house.pump()
    for _ in range(3):
        house.clock.advance(timedelta(minutes=5))
        house.sweep()
        house.pump()
    assert all(shop.phones(p.id) == {p.number: True} for p in people)
    assert all(shop.contact(p.number) is False for p in people)
    waiting = {row["pk"] for row in open_tasks(house)}
    assert len(waiting) == 3
    assert all("catapult" in pk for pk in waiting)

    house.sandbox.post("/_reset")
    settle(house)
    assert all(shop.phones(p.id) == {p.number: False} for p in people)
    assert len(_told(shop, "catapult")) == 3


def test_a_platform_that_says_when_is_not_asked_before(shop: Shop) -> None:
    """TEA-11: Retry-After is honoured; without it the wait grows."""
    house, person = shop.world, Person(shop).texts("JOIN")
    house.sandbox.post("/_reset")
    house.sandbox.fault(platform="catapult", status=429, retry_after=800, times=1)
    asked = house.clock.now()
    person.text("STOP")(1)
    house.pump()
    assert len(_told(shop, "catapult")) == 1
    [row] = open_tasks(house)
    due_at = _due_at(row)
    assert due_at - asked >= timedelta(seconds=800)

    house.clock.advance(timedelta(seconds=700))
    house.sweep()
    house.pump()
    assert len(_told(shop, "catapult")) == 1
    settle(house)
    assert len(_told(shop, "catapult")) == 2
    assert shop.phones(person.id) == {person.number: False}


def test_no_header_hides_an_opt_out(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """R-31, TEA-11: Retry-After of a day: seen at once, and asked again in 15 minutes."""
    house, person = shop.world, Person(shop).texts("JOIN")
    house.sandbox.post("/_reset")
    house.sandbox.fault(platform="catapult", status=429, retry_after=86_400, times=1)
    person.text("STOP")(1)
    house.pump()
    house.clock.advance(timedelta(minutes=12))
    capsys.readouterr()
    house.sweep()
    assert emitted(capsys.readouterr().out, "OldestUnsyncedOptOutSeconds") >= 719
    health = house.body(house.admin("GET", "/v1/health"))
    assert (health["status"], health["overdue_tasks"]) == ("attention", 0)
    assert health["oldest_unsynced_opt_out_seconds"] >= 719

    house.clock.advance(timedelta(minutes=6))
    house.sweep()
    house.pump()
    assert len(_told(shop, "catapult")) == 2
    assert shop.phones(person.id) == {person.number: False}


def test_waits_grow_with_each_failure(shop: Shop) -> None:
    """TEA-11: backoff with jitter: each wait within its step, up to a minute at first."""
    house, person = shop.world, Person(shop).texts("JOIN")
    house.sandbox.fault(platform="catapult", status=500)
    person.text("STOP")(1)
    house.pump()
    row = {name: open_tasks(house)[0][name] for name in ("pk", "sk")}
    for attempt in range(1, 8):
        due_at = _due_at(open_tasks(house)[0])
        wait = (due_at - house.clock.now()).total_seconds()
        step = min(60.0, 2.0 * 2 ** (attempt - 1))
        assert step / 2 - 2 <= wait <= step
        house.run_task(row)


def test_refused_credentials_pause_and_a_good_check_resumes(shop: Shop) -> None:
    """TEA-01: 401 from Text-Em-All: paused; every signal is taken; pushes and texts wait."""
    house, first = shop.world, Person(shop).texts("JOIN")
    house.sandbox.post("/_reset")
    house.sandbox.fault(platform="text_em_all", status=401)
    first.text("STOP")(1)
    house.pump()
    where = f"/v1/connections/{shop.connection_id}"
    assert house.body(house.admin("GET", where))["state"] == "paused"

    house.cold()
    house.sandbox.post("/_reset")
    second, third = Person(shop), Person(shop)
    assert second.text("JOIN")(1)["statusCode"] == 204
    assert _opt_out(shop, third.number)["statusCode"] == 200
    house.pump()
    house.clock.advance(timedelta(minutes=3))
    house.sweep()
    house.pump()
    assert shop.consent(second.number) == "opted_in"
    assert shop.consent(third.number) == "opted_out"
    assert house.sandbox.calls("text_em_all") == []
    assert house.sandbox.calls("catapult") == []

    assert house.admin("POST", f"{where}/check")["statusCode"] == 200
    resumed = house.admin("POST", f"{where}/state", {"state": "connected"})
    assert resumed["statusCode"] == 200
    house.cold()
    settle(house)
    assert shop.contact(first.number) is False
    assert shop.contact(second.number) is True
    assert shop.phones(second.id) == {second.number: True}
    assert shop.phones(third.id) == {third.number: False}


def test_a_late_confirmation_is_dropped(shop: Shop) -> None:
    """TEA-17: a STOP confirmation that is more than five minutes late is never sent."""
    house, person = shop.world, Person(shop).texts("JOIN")
    house.sandbox.fault(platform="text_em_all", method="POST", path="/conversations", status=429)
    person.text("STOP")(1)
    house.pump()
    house.clock.advance(timedelta(minutes=5, seconds=1))
    house.sandbox.post("/_reset")
    settle(house)

    assert shop.inbox_of(person.number) == []  # the reset forgot the join's; none came after it
    row = next(r for r in house.rows("TU#") if "opt_out_confirmation" in r["pk"])
    assert (row["state"], row["payload"]["reason"]) == ("dropped", "too_late")


@pytest.mark.parametrize("down", [None, "catapult"])
def test_a_queued_marketing_text_is_refused_at_hand_over(
    shop: Shop, wire: Wire, down: str | None
) -> None:
    """TEA-22: opted out after queueing: no provider call, whatever else is down."""
    house = shop.world
    stays, leaves = Person(shop).texts("JOIN"), Person(shop).texts("JOIN")
    for person in (stays, leaves):
        person.queue_marketing("Sale today")
    house.sandbox.post("/_reset")
    with wire.failing(platform_away(down) if down else lambda _: None):
        leaves.text("STOP")(1)
        house.pump()

    sent = [c["body"]["LastMessage"] for c in _told(shop, "text_em_all", "POST")]
    sales = [m["Contact"]["PrimaryPhone"] for m in sent if m["Message"] == "Sale today"]
    assert sales == [stays.number.removeprefix("+1")]
    row = next(r for r in house.rows("TU#") if f"bc-{leaves.number}" in r["pk"])
    assert (row["state"], row["payload"]["reason"]) == ("refused", "opted_out_after_queue")


# --- our keys --------------------------------------------------------------------------------


def test_another_stack_key_refuses_all_work(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """L-08: under another key every history looks empty: 503 and a metric, never a decision."""
    house, person = shop.world, Person(shop).texts("JOIN")
    deliver = person.text("STOP")
    before = house.rows()
    ssm = boto3.client("ssm")
    name = f"{PREFIX}/stack-key"
    right = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    wrong = base64.b64encode(os.urandom(32)).decode()
    ssm.put_parameter(Name=name, Value=wrong, Type="SecureString", Overwrite=True)
    house.cold()
    capsys.readouterr()

    answers = [deliver(1), _opt_out(shop, person.number)]

    assert [a["statusCode"] for a in answers] == [503, 503]
    assert house.body(answers[1])["fallback"]["message"]
    assert emitted(capsys.readouterr().out, "StackKeyMismatch") == 2
    assert house.rows() == before
    ssm.put_parameter(Name=name, Value=right, Type="SecureString", Overwrite=True)
    house.cold()
    assert deliver(1)["statusCode"] == 204
    assert json.loads(answers[0]["body"])["code"] == "stack_key_mismatch"


def _due_at(row: dict[str, Any]) -> datetime:
    return task_keys.read_due_sk(RowKey(row["pk"], row["sk"]), row["due_sk"]).due_at
