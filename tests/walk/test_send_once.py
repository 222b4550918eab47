"""One event, one effect: lost answers, conflicts, bad neighbours in a batch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ReadTimeoutError

from concord.adapters.dynamodb.table import Table
from concord.domain.errors import StorageUnavailableError
from concord.domain.tasks import RowKey
from tests.support.counting import client_error
from tests.world.events import LambdaContext, sqs_event
from tests.world.faults import WRITES, Killed, Request, Wire, conflicts, open_tasks, settle
from tests.world.person import Effect, Person
from tests.world.shop import Shop, new_number
from tests.world.world import TABLE, World

OUT = Effect(evidence=2, texts=2, state="opted_out", at_text_em_all=False, at_catapult=False)


@pytest.fixture(name="wire")
def _watched(house: World) -> Wire:
    return Wire(house)


# --- answers that never came -----------------------------------------------------------------


def _lost(number: int, times: int = 1) -> Callable[[Request], None]:
    """Return a hook that loses the answers of write `number` and of the `times - 1` after it."""
    seen = 0

    def hook(request: Request) -> None:
        nonlocal seen
        if request.name.partition(".")[2] in WRITES:
            seen += 1
            if number <= seen < number + times:
                raise ReadTimeoutError(endpoint_url="http://table")

    return hook


@pytest.mark.parametrize("times", [1, 2])
def test_lost_answers_of_writes_have_one_effect(shop: Shop, wire: Wire, times: int) -> None:
    """Reliability 13: committed, answer lost, tried again at once: one effect, in every handler.

    The whole walk of a STOP (receive, relay, both pushes, the text), each of its writes in turn.
    """
    person = Person(shop).texts("JOIN")
    wire.calm()
    person.text("STOP")(1)
    settle(shop.world)
    writes = sum(name.partition(".")[2] in WRITES for name in wire.names)
    assert writes >= 6
    for number in range(1, writes + 1):
        person = Person(shop).texts("JOIN")
        with wire.failing(after=_lost(number, times)):
            assert person.text("STOP")(1)["statusCode"] == 204
            settle(shop.world)
        assert person.effect() == OUT, f"the answer of write {number} was lost"


def test_an_answer_lost_for_longer_than_the_client_token(shop: Shop, wire: Wire) -> None:
    """Reliability 13: as after the token's 10 minutes: a new request with the same event."""
    person = Person(shop).texts("JOIN")
    deliver = person.text("STOP")
    with wire.failing(after=_lost(1, times=100)):
        assert deliver(1)["statusCode"] == 202  # stored, but nobody told us
    shop.world.clock.advance(timedelta(minutes=4))
    shop.world.cold()
    assert deliver(2)["statusCode"] == 204
    assert shop.world.rescue() == 1
    shop.world.pump()
    assert person.effect() == OUT


@pytest.mark.parametrize("steps", range(8))
def test_a_text_whose_answer_was_lost_is_looked_up(shop: Shop, wire: Wire, steps: int) -> None:
    """TEA-17: no blind second text: `uncertain` is resolved by look-up, also when the worker dies.

    Text-Em-All takes the text, its answer is lost, and the worker dies `steps` requests later.
    """
    person = Person(shop).texts("JOIN")
    person.text("STOP")(1)
    row = person.rows("send_text")[0]
    lost_at: list[int] = []

    def after(request: Request) -> None:
        if request.name.startswith("POST /text_em_all") and not lost_at:
            lost_at.append(request.number)
            raise httpx.ReadTimeout("lost")
        if lost_at and request.number == lost_at[0] + steps:
            raise Killed(request.name)

    shop.world.cold()
    with wire.failing(after=after):
        try:
            shop.world.run_task(row)
        except Killed:
            assert steps
            shop.world.cold()
            shop.world.clock.advance(timedelta(seconds=181))
            shop.world.run_task(row, receive_count=2)
    settle(shop.world)
    assert person.effect() == OUT
    assert _row(shop, row)["state"] == "sent"


def test_a_text_that_never_arrived_is_sent_after_the_look_up(shop: Shop, wire: Wire) -> None:
    """TEA-17: the connection broke before they had it: looked up, not there, sent once."""
    person = Person(shop).texts("JOIN")
    person.text("STOP")(1)
    broken: list[str] = []

    def before(request: Request) -> None:
        if request.name.startswith("POST /text_em_all") and not broken:
            broken.append(request.name)
            raise httpx.ReadError("reset by peer")

    with wire.failing(before):
        settle(shop.world)
    assert broken
    assert person.effect() == OUT


def _row(shop: Shop, key: dict[str, str]) -> dict[str, Any]:
    return next(r for r in shop.world.rows(key["pk"]) if r["sk"] == key["sk"])


# --- conflicts -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nothing_is_lost_among_conflicts(shop: Shop, wire: Wire, seed: int) -> None:
    """Reliability 14: TransactionConflict at p = 0.3 through the whole walk: none lost."""
    people = [Person(shop).texts("JOIN") for _ in range(3)]
    met: list[str] = []
    answers: Counter[int] = Counter()
    with wire.failing(conflicts(seed, 0.3, met)):
        for person in people:
            deliver = person.text("STOP")
            answer = deliver(1)["statusCode"]
            answers[answer] += 1
            assert answer in (202, 204)
        shop.world.rescue()
        settle(shop.world)
    shop.world.rescue()
    settle(shop.world)
    assert [person.effect() for person in people] == [OUT] * len(people)
    assert len(met) >= 3
    assert answers.total() == len(people)


def test_a_condition_that_failed_is_never_sent_again(wire: Wire) -> None:
    """Reliability 14: ConditionalCheckFailed is an answer: one request, whatever it came with."""
    table = Table(TABLE, sleep=lambda _: None)
    key = RowKey("Z#1", "Z")
    table.put(key, {"n": 1})
    tries: Counter[str] = Counter()

    def count(request: Request) -> None:
        tries[request.name.partition(".")[2]] += 1

    from concord.adapters.dynamodb.table import put
    from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError

    with wire.failing(count):
        with pytest.raises(ConditionFailedError):
            table.put(key, {"n": 2}, "attribute_not_exists(pk)")
        with pytest.raises(TransactionRefusedError):
            table.transact([put(key, {"n": 2}, "attribute_not_exists(pk)")])
    assert tries == {"PutItem": 1, "TransactWriteItems": 1}

    def always(request: Request) -> None:
        count(request)
        raise client_error("TransactionConflict")

    tries.clear()
    with wire.failing(always), pytest.raises(StorageUnavailableError):
        table.transact([put(key, {"n": 3})])
    assert tries == {"TransactWriteItems": 5}  # the histogram's end: a retryable error, not lost


# --- batches ---------------------------------------------------------------------------------

POISON = {"pk": 7, "sk": "TASK"}


@pytest.mark.parametrize("bad", range(11))
def test_only_the_bad_messages_of_a_batch_come_back(shop: Shop, bad: int) -> None:
    """Reliability 15: k bad of 10: exactly those k are returned, the others have their effect."""
    from functions.sync.run_task import lambda_handler

    for _ in range(4):
        Person(shop).text("JOIN")(1)
    good = [{"pk": row["pk"], "sk": row["sk"]} for row in open_tasks(shop.world)][: 10 - bad]
    assert len(good) == 10 - bad
    batch: list[Any] = [*[POISON] * bad, *good]

    answer = lambda_handler(sqs_event(batch), LambdaContext())

    returned = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert returned == [f"m-{number}" for number in range(bad)]
    left = {row["pk"] for row in open_tasks(shop.world)}
    assert not left.intersection(row["pk"] for row in good)


def test_poison_ends_in_the_dead_letter_queue_and_redrive_heals(shop: Shop) -> None:
    """Reliability 15: after five receives it is put aside; once the cause is gone, a redrive heals.

    The message of a push whose row cannot be read: the table refuses it until it is repaired.
    """
    house, sqs = shop.world, boto3.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": "5"})
    sqs.set_queue_attributes(QueueUrl=house.urls["urgent"], Attributes={"RedrivePolicy": policy})
    person = Person(shop).texts("JOIN")
    person.text("STOP")(1)
    broken = Wire(house)

    def refuse(request: Request) -> None:
        if request.name == "dynamodb.UpdateItem":
            raise client_error("ValidationException", "UpdateItem")

    with broken.failing(refuse):
        house.pump(rounds=6)
    assert person.effect().at_catapult is True
    held = list(_drain(sqs, dead))
    assert len(held) == 3  # two pushes and the confirmation

    for message in held:  # what `redrive` does, by our own loop
        sqs.send_message(QueueUrl=house.urls["urgent"], MessageBody=message["Body"])
    house.pump()
    assert person.effect() == OUT


def _drain(sqs: Any, url: str) -> list[Any]:
    found: list[Any] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += batch
    return found


def test_the_same_call_of_a_till_lost_its_answer(shop: Shop, wire: Wire) -> None:
    """Reliability 13: a till's repeat after a 503 is answered like its first time."""
    number = new_number()
    body = {"event_id": "e-1", "action": "opt_out", "channel": "sms", "via": "pos", "point": number}
    with wire.failing(after=_lost(1, times=100)):
        assert shop.connect("POST", "/consents", body)["statusCode"] == 503
    again = shop.connect("POST", "/consents", body)
    assert again["statusCode"] == 200
    assert shop.world.rescue() == 1
    settle(shop.world)
    evidence = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    assert len(evidence) == 1
    assert len(shop.inbox_of(number)) == 1
