"""Whose number a text came to: claimed before it is texted, fetched when new, never shared."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from concord.domain.outbound import AccountFacts
from tests.sandbox.harness import BASE as SANDBOX
from tests.world.carried import SID, TOKEN
from tests.world.emf import emitted
from tests.world.faults import Killed, Request, Wire, open_tasks, settle
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound
from tests.world.world import World

SERVICE = "MG" + "2" * 32


def _by_topic(sender: str, to: str, text: str) -> dict[str, Any]:
    return {
        "originationNumber": sender,
        "destinationNumber": to,
        "messageBody": text,
        "inboundMessageId": new_number(),
    }


def _aws(number: str) -> dict[str, Any]:
    return {"platform": "aws", "from": number, "credentials": {}}


def _text(shop: Shop, sender: str, text: str, to: str, event_id: str = "") -> Callable[[], Any]:
    """Return the delivery of one signed text; each call delivers the same bytes."""
    at = shop.world.clock.now()
    path = shop.webhooks["text_em_all"].split("/test", 1)[1]
    body, headers = signed_inbound(shop.webhook_secret, sender, to, text, event_id or None, at=at)
    return lambda: shop.world.receive(path, body, headers)


def _code(house: World, answer: dict[str, Any]) -> tuple[int, str]:
    return answer["statusCode"], str(house.body(answer).get("code", ""))


def _numbers(shop: Shop) -> list[str]:
    return list(shop.world.body(shop.admin("GET"))["text_numbers"])


def _kept(house: World) -> list[str]:
    return [row["state"] for row in house.rows("I#")]


# --- whose a number is -----------------------------------------------------------------------


@pytest.mark.parametrize("states", [(), ("pending",), ("pending", "connected")])
def test_a_senders_number_is_its_own_from_the_start(house: World, states: tuple[str, ...]) -> None:
    """TEA-01, R-05: a STOP by topic is applied in every state, `requested` too."""
    number, sender = new_number(), new_number()
    shop = house.shop(states=states, sender=_aws(number))
    assert house.receive_sms(_by_topic(sender, number, "STOP")) == []
    assert shop.consent(sender) == "opted_out"


def test_a_changed_senders_number_is_its_own_at_once(shop: Shop) -> None:
    """R-05: an operator names another AWS number: the next STOP to it is applied."""
    house, number, sender = shop.world, new_number(), new_number()
    changed = shop.admin("PATCH", "", {"settings": {"sender": _aws(number)}})
    assert changed["statusCode"] == 200
    assert house.receive_sms(_by_topic(sender, number, "STOP")) == []
    assert shop.consent(sender) == "opted_out"


def test_a_stop_to_any_number_of_a_pool_is_applied(house: World) -> None:
    """Promise 2: a pool's id claims no number, so its numbers are told, spelled as they may be."""
    first, second = new_number(), new_number()
    pool = {**_aws("pool-0123456789abcdef"), "numbers": [first.removeprefix("+1"), second, first]}
    shop = house.shop(sender=pool)
    for number in (first, second):
        sender = new_number()
        assert house.receive_sms(_by_topic(sender, number, "STOP")) == []
        assert shop.consent(sender) == "opted_out"
    shown = house.body(shop.admin("GET"))["settings"]["sender"]
    assert shown["numbers"] == [first, second]
    other = house.shop("m2")
    taken = other.admin("PATCH", "", {"settings": {"sender": _aws(second)}})
    assert _code(house, taken) == (409, "number_already_claimed")


@pytest.mark.parametrize("sends_from", ["pool-0123456789abcdef", "phone-0123", "GROCER"])
def test_a_sender_by_topic_without_a_number_is_refused(shop: Shop, sends_from: str) -> None:
    """Promise 2: a STOP to it would be nobody's, and would expire in the safety queue."""
    refused = shop.admin("PATCH", "", {"settings": {"sender": _aws(sends_from)}})
    [error] = shop.world.body(refused)["errors"]
    assert (refused["statusCode"], error["field"]) == (422, "settings.sender.numbers")


def test_the_number_that_texts_came_from_before_still_takes_a_stop(house: World) -> None:
    """Promise 2: the thread on her phone names the old number long after the sender changed."""
    before, sender = new_number(), new_number()
    shop = house.shop(sender=_aws(before))
    changed = shop.admin("PATCH", "", {"settings": {"sender": _aws(new_number())}})
    assert changed["statusCode"] == 200
    house.receive_sms(_by_topic(sender, before, "STOP"))
    assert shop.consent(sender) == "opted_out"


def test_a_stop_to_a_number_of_nobody_waits_for_its_owner(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise 2: kept in the safety queue and counted; applied once a connection claims it."""
    house, number, sender = shop.world, new_number(), new_number()
    capsys.readouterr()
    house.receive_sms(_by_topic(sender, number, "STOP"))
    out = capsys.readouterr().out
    assert (emitted(out, "InboundForNobody"), emitted(out, "UnknownEvent")) == (1, 1)
    assert house.rescue() == 0

    assert shop.admin("PATCH", "", {"settings": {"sender": _aws(number)}})["statusCode"] == 200
    assert house.rescue() == 1
    assert shop.consent(sender) == "opted_out"


def test_talk_to_a_number_of_nobody_is_let_go(
    house: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-32: what bears no signal has nobody to wait for; it is counted all the same."""
    house.receive_sms(_by_topic(new_number(), new_number(), "what time do you close?"))
    assert emitted(capsys.readouterr().out, "InboundForNobody") == 1
    queue = house.sqs.receive_message(QueueUrl=house.urls["safety"])
    assert "Messages" not in queue


def test_two_merchants_cannot_name_one_sender(house: World) -> None:
    """R-32: 409 when made and when changed; nothing of the refused request stays."""
    number = new_number()
    house.shop("m1", sender=_aws(number))
    other = house.shop("m2")
    taken = other.admin("PATCH", "", {"settings": {"sender": _aws(number)}})
    assert _code(house, taken) == (409, "number_already_claimed")
    assert house.body(other.admin("GET"))["settings"]["sender"] is None

    with pytest.raises(AssertionError, match="number_already_claimed"):
        house.shop("m3", sender=_aws(number))
    assert house.shop("m3").connection_id  # both accounts are free for another try


def test_connecting_is_refused_while_another_merchant_has_the_number(house: World) -> None:
    """R-05, R-32: two that send from one number: a STOP would reach one alone."""
    number, own = new_number(), f"+1444{new_number()[5:]}"
    first = house.shop("m1", number)
    second = house.shop("m2", number, states=("pending",))
    house.sandbox.seed("text_em_all", second.tea_account, text_numbers=[number, own])

    refused = second.admin("POST", "/state", {"state": "connected"})

    assert _code(house, refused) == (409, "number_already_claimed")
    assert house.body(second.admin("GET"))["state"] == "pending"
    by_number = house.parts.connections.by_number
    assert (by_number(number), by_number(own)) == (first.connection_id, second.connection_id)
    first.move("disconnected")
    second.move("connected")
    assert by_number(number) == second.connection_id


def test_a_number_that_turns_out_to_be_anothers_is_reported(
    house: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-31: found by the worker: the row fails with the reason, and no message comes back."""
    first, second = house.shop("m1"), house.shop("m2")
    numbers = [second.text_number, first.text_number]
    house.sandbox.seed("text_em_all", second.tea_account, text_numbers=numbers)
    sender = new_number()
    _text(second, sender, "STOP", first.text_number)()
    capsys.readouterr()
    settle(house)
    assert emitted(capsys.readouterr().out, "TaskFailed") == 1
    assert [row["reason"] for row in house.rows("F#")] == ["number_already_claimed"]
    assert open_tasks(house) == []
    assert second.consent(sender) == "opted_out"


# --- a number that we do not know ------------------------------------------------------------


def test_a_repeat_of_a_kept_text_is_one_task_that_ends(shop: Shop) -> None:
    """R-24: delivered ten times before and after the look: one body, and nothing left to do."""
    house = shop.world
    deliver = _text(shop, new_number(), "STOP", to=new_number())
    for _ in range(5):
        assert deliver()["statusCode"] == 204
    assert len(open_tasks(house)) == 1
    settle(house)
    for _ in range(5):
        assert deliver()["statusCode"] == 204
    settle(house)
    assert (open_tasks(house), house.rows("F#")) == ([], [])
    assert _kept(house) == ["kept"]


def test_a_crash_after_the_body_was_kept_loses_no_stop(shop: Shop) -> None:
    """Promise 2, R-24: the next delivery finds the body that was kept, and has it looked at."""
    house, wire, sender, new = shop.world, Wire(shop.world), new_number(), new_number()
    deliver = _text(shop, sender, "STOP", to=new)

    def die(request: Request) -> None:
        if request.name == "dynamodb.PutItem":
            raise Killed(request.name)

    with wire.failing(before=die), pytest.raises(Killed):
        deliver()
    assert _kept(house) == ["kept"]
    assert deliver()["statusCode"] == 204
    house.sandbox.seed("text_em_all", shop.tea_account, text_numbers=[shop.text_number, new])
    settle(house)
    assert shop.consent(sender) == "opted_out"
    assert _kept(house) == ["processed"]


def test_a_kept_body_whose_days_are_over_ends_its_task(shop: Shop) -> None:
    """R-24: the row is done, not poison."""
    house = shop.world
    _text(shop, new_number(), "STOP", to=new_number())()
    [body] = house.rows("I#")
    key = {name: {"S": body[name]} for name in ("pk", "sk")}
    house.dynamodb.delete_item(TableName="concord-test", Key=key)
    settle(house)
    assert (open_tasks(house), house.rows("F#")) == ([], [])


def test_an_id_that_was_used_before_keeps_the_stop(shop: Shop) -> None:
    """R-24: same id, other body: an opt-out to a number that is new is kept as well."""
    house, sender, new = shop.world, new_number(), new_number()
    _text(shop, new_number(), "JOIN", to=new, event_id="e-1")()
    assert _text(shop, sender, "STOP", to=new, event_id="e-1")()["statusCode"] == 204
    house.sandbox.seed("text_em_all", shop.tea_account, text_numbers=[shop.text_number, new])
    settle(house)
    assert shop.consent(sender) == "opted_out"


def test_an_opt_out_without_effect_is_counted(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-31: kept because its number is unknown: a metric says that one may be owed."""
    capsys.readouterr()
    _text(shop, new_number(), "JOIN", to=new_number())()
    assert emitted(capsys.readouterr().out, "UnknownEvent") == 0
    _text(shop, new_number(), "STOP", to=new_number())()
    assert emitted(capsys.readouterr().out, "UnknownEvent") == 1


def test_an_answer_without_numbers_forgets_none(shop: Shop) -> None:
    """TEA-23: a feed that is empty for once is no reason to be deaf."""
    house, sender = shop.world, new_number()
    house.sandbox.seed("text_em_all", shop.tea_account, text_numbers=[])
    _text(shop, new_number(), "STOP", to=new_number())()
    settle(house)
    assert _numbers(shop) == [shop.text_number]
    _text(shop, sender, "JOIN", to=shop.text_number)()
    assert shop.consent(sender) == "opted_in"


def test_nobody_asks_the_platforms_of_a_connection_that_is_over(shop: Shop) -> None:
    """TEA-01: disconnected: the task ends without a call."""
    house = shop.world
    _text(shop, new_number(), "STOP", to=new_number())()
    shop.move("disconnected")
    house.sandbox.post("/_reset")
    settle(house)
    assert house.sandbox.calls("text_em_all") == []
    assert open_tasks(house) == []


# --- numbers that are none -------------------------------------------------------------------


def test_a_short_code_is_a_number_to_text(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """R-05: one of the account's own: applied. A stranger's: kept as any other, no failure."""
    house, sender = shop.world, new_number()
    connection = house.parts.connections.get(shop.connection_id, fresh=True)
    assert connection is not None
    numbers = (*connection.text_numbers, ("55555", "77"))
    house.parts.numbers.store(connection, AccountFacts(numbers))
    capsys.readouterr()
    assert _text(shop, sender, "STOP", to="55555")()["statusCode"] == 204
    assert shop.consent(sender) == "opted_out"
    assert _text(shop, new_number(), "STOP", to="66666")()["statusCode"] == 204
    assert emitted(capsys.readouterr().out, "WebhookFailed") == 0


def test_a_text_without_meaning_may_come_from_anybody(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-05: a bank's short code writes to the shop: ignored, and no alarm."""
    capsys.readouterr()
    answer = _text(shop, "72166", "Your code is 118", to=shop.text_number)()
    assert answer["statusCode"] == 204
    assert _kept(shop.world) == ["ignored"]
    assert emitted(capsys.readouterr().out, "WebhookFailed") == 0


def test_texts_to_any_number_of_a_messaging_service_count(house: World) -> None:
    """TEA-17, TEA-18: its numbers are not known to us; the account's signature is proof enough."""
    number, sender = new_number(), new_number()
    credentials = {"account_sid": SID, "auth_token": TOKEN}
    shop = house.shop(
        sender={
            "platform": "twilio",
            "base_url": f"{SANDBOX}/twilio",
            "from": SERVICE,
            "credentials": credentials,
        }
    )
    house.sandbox.seed(
        "twilio",
        SID,
        text_numbers=[number],
        credentials=credentials,
        webhook_url=shop.webhooks["twilio"],
    )
    for text, state in (("JOIN", "opted_in"), ("STOP", "opted_out"), ("UNSTOP", "opted_in")):
        house.clock.advance(timedelta(seconds=2))
        body = {"from": sender, "to": number, "text": text}
        house.sandbox.post("/twilio/_handset", json=body)
        assert shop.consent(sender) == state, text
    # The other platform's webhook vouches for its own numbers alone.
    _text(shop, sender, "STOP", to=new_number())()
    assert shop.consent(sender) == "opted_in"


# --- the destination as a sender by name -----------------------------------------------------


def test_the_destination_may_be_named_as_the_sender(shop: Shop) -> None:
    """TEA-17: by its number: sent under that number's TextNumberID, with its own credentials."""
    house, second, sender = shop.world, f"+1444{shop.text_number[5:]}", new_number()
    house.sandbox.seed("text_em_all", shop.tea_account, text_numbers=[shop.text_number, second])
    assert shop.admin("POST", "/check")["statusCode"] == 200
    named = {"sender": {"platform": "text_em_all", "from": second}}
    assert shop.admin("PATCH", "", {"settings": named})["statusCode"] == 200
    _text(shop, sender, "JOIN", to=second)()
    settle(house)
    assert len(shop.inbox_of(sender)) == 1
    [sent] = [c for c in house.sandbox.calls("text_em_all") if c["method"] == "POST"]
    [found] = [n for n in _text_number_ids(shop) if n["number"] == second]
    assert sent["body"]["TextNumberID"] == found["id"]


def _text_number_ids(shop: Shop) -> list[dict[str, Any]]:
    seeded = shop.world.sandbox.seed("text_em_all", shop.tea_account)
    return list(json.loads(json.dumps(seeded["text_numbers"])))


def test_a_sender_by_name_follows_the_destinations_credentials(house: World) -> None:
    """TEA-17: named when made, too: new credentials of the destination send its texts."""
    number, sender = new_number(), new_number()
    shop = house.shop(text_number=number, sender={"platform": "text_em_all", "from": number})
    fresh = {"consumer_key": "ck-2", "consumer_secret": "cs-2", "access_token": "at-2"}
    house.sandbox.seed("text_em_all", shop.tea_account, credentials=fresh)
    changed = shop.admin("PATCH", "", {"destination": {"credentials": fresh}})
    assert changed["statusCode"] == 200
    house.cold()
    _text(shop, sender, "JOIN", to=number)()
    settle(house)
    assert len(shop.inbox_of(sender)) == 1
