"""Every handler is killed before and after each of its requests, and delivered again."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from functools import partial
from typing import Any, cast

import boto3
import pytest

from tests.world.crashes import Arrange, Watched, has_one_effect
from tests.world.events import LambdaContext, schedule_event, sqs_event
from tests.world.faults import VISIBILITY, Killed, Wire, away, kill_at
from tests.world.person import Deliver, Effect, Person
from tests.world.shop import Shop, new_number
from tests.world.world import World


def _stop(person: Person) -> Deliver:
    return person.texts("JOIN").text("STOP")


def _join(person: Person) -> Deliver:
    return person.text("JOIN")


def _connect(person: Person) -> Deliver:
    body = {
        "event_id": f"e{person.number}",
        "action": "opt_out",
        "channel": "sms",
        "via": "pos",
        "point": person.number,
    }
    person.texts("JOIN")
    return lambda _: person.shop.connect("POST", "/consents", body)


def _task(person: Person, kind: str, part: str = "") -> Deliver:
    _stop(person)(1)
    row = next(r for r in person.rows(kind) if part in r["pk"])
    return lambda receives: person.shop.world.run_task(row, receives)


def _push(person: Person) -> Deliver:
    return _task(person, "push_consent", "catapult")


def _send(person: Person) -> Deliver:
    return _task(person, "send_text")


def _sms(person: Person) -> Deliver:
    """Let her text STOP to a number of AWS End User Messaging, which confirms it itself."""
    from functions.webhooks.receive_sms import lambda_handler

    shop = person.shop
    sender = {"platform": "aws", "from": AWS_NUMBER}
    assert shop.admin("PATCH", "", {"settings": {"sender": sender}})["statusCode"] == 200
    body = {
        "originationNumber": person.number,
        "destinationNumber": AWS_NUMBER,
        "messageBody": "STOP",
        "inboundMessageId": f"in-{person.number}",
    }
    return lambda receives: lambda_handler(sqs_event([body], receives), LambdaContext())


def _rescue(person: Watched, arrange: Arrange, kind: str) -> Deliver:
    """Let her event come while the table is away: it is what the safety queue delivers."""
    from functions.webhooks.rescue import lambda_handler

    house = person.shop.world
    deliver = arrange(person)
    with person.wire.failing(away("dynamodb")):
        deliver(1)
    (message,) = house.ground.take("safety")
    house.ground.gone("safety", message)
    body = json.loads(message["Body"])
    assert body["kind"] == kind
    return lambda receives: lambda_handler(sqs_event([body], receives), LambdaContext())


def _relay(person: Person) -> Deliver:
    from functions.sync.relay import lambda_handler

    house = person.shop.world
    _stop(person)(1)
    records = house.ground.inserted()
    assert records
    return lambda _: lambda_handler({"Records": records}, LambdaContext())


def _sweep(person: Person) -> Deliver:
    from functions.sync.sweep import lambda_handler

    house = person.shop.world
    _stop(person)(1)
    house.ground.inserted()  # the stream forgot them
    house.clock.advance(timedelta(minutes=3))
    event = schedule_event(house.clock.now())
    return lambda _: lambda_handler(event, LambdaContext())


def _unanswered(person: Person) -> dict[str, str]:
    """Invite her; 31 days later her row is due, and nobody has looked at it."""
    house = person.shop.world
    asked = {"event_id": f"e{person.number}", "action": "opt_in", "channel": "sms", "via": "pos"}
    person.shop.connect("POST", "/consents", {**asked, "point": person.number})
    house.pump()
    house.clock.advance(timedelta(days=31))
    state = next(r for r in house.rows("C#") if r.get("point") == person.number)
    return {"pk": state["pk"], "sk": state["sk"]}


def _lapse(person: Person) -> Deliver:
    row = _unanswered(person)
    return lambda receives: person.shop.world.run_task(row, receives)


def _expiry(person: Person) -> Deliver:
    from functions.expiry.start import lambda_handler

    _unanswered(person)
    event = schedule_event(person.shop.world.clock.now())
    return lambda _: lambda_handler(event, LambdaContext())


def _fetch(person: Person) -> Deliver:
    """Her JOIN came to a number that nobody knew: the task asks whose it is, and looks again."""
    shop = person.shop
    number = new_number()
    person.text("JOIN", to=number)(1)
    shop.world.sandbox.seed(
        "text_em_all", shop.tea_account, text_numbers=[shop.text_number, number]
    )
    (row,) = person.rows("fetch_numbers")
    return lambda receives: shop.world.run_task(row, receives)


def _import(person: Person) -> Deliver:
    path = f"/v1/connections/{person.shop.connection_id}/consent-imports"
    body = {
        "import_id": f"i{person.number}",
        "attestation": "paper forms, vouched for by Dana",
        "rows": [{"point": person.number, "evidence": "form 12"}],
    }
    return lambda _: person.shop.world.admin("POST", path, body)


def _import_job(person: Person) -> Deliver:
    """The first slice of a file that is a job: her row among others that cannot be read."""
    house = person.shop.world
    path = f"/v1/connections/{person.shop.connection_id}/consent-imports"
    headers = {"Content-Type": "text/csv", "X-Attestation": "paper forms, vouched for by Dana"}
    file = "point\n" + "1\n" * 300 + f"{person.number}\n" + "2\n" * 200
    answer = house.admin("POST", path, file, headers=headers)
    assert answer["statusCode"] == 202
    row = {"pk": f"TB#m1#import_consents#{person.shop.connection_id}#", "sk": "TASK"}
    row["pk"] += house.body(answer)["job_id"].rpartition(".")[2]
    return lambda receives: house.run_task(row, receives)


def _put_shopper(person: Person) -> Deliver:
    shop = person.shop
    shop.world.sandbox.seed("catapult", shop.catapult_account, shoppers=[])
    person.texts("JOIN")
    shop.shopper(person.id, person.number)
    body = {"first_name": "Ana", "phones": [person.number], "email": "ana@example.com"}
    return lambda _: shop.connect("PUT", f"/shoppers/{person.id}", body)


def _delete_shopper(person: Person) -> Deliver:
    deliver = _put_shopper(person)
    deliver(1)
    person.shop.world.pump()
    return lambda _: person.shop.connect("DELETE", f"/shoppers/{person.id}")


AWS_NUMBER = new_number()
OUT = Effect(evidence=2, texts=2, state="opted_out", at_text_em_all=False, at_catapult=False)
IN = Effect(evidence=1, texts=1, state="opted_in", at_text_em_all=True, at_catapult=True)
CASES: dict[str, tuple[Arrange, Effect]] = {
    "receive_stop": (_stop, OUT),
    "receive_join": (_join, IN),
    "connect_opt_out": (_connect, OUT),
    "push": (_push, OUT),
    "send_text": (_send, OUT),
    # She had never opted in, and AWS confirms STOP: there is nothing to text.
    "receive_sms": (_sms, Effect(1, 0, "opted_out", False, False)),
    "rescue_webhook": (partial(_rescue, arrange=_stop, kind="webhook"), OUT),
    "rescue_connect": (partial(_rescue, arrange=_connect, kind="connect"), OUT),
    "rescue_sms": (
        partial(_rescue, arrange=_sms, kind="sms"),
        Effect(1, 0, "opted_out", False, False),
    ),
    "rescue_shopper": (partial(_rescue, arrange=_delete_shopper, kind="shopper"), OUT),
    "relay": (_relay, OUT),
    "sweep": (_sweep, OUT),
    # The invitation is her one text; "not opted in" is what the platforms show anyway.
    "lapse": (_lapse, Effect(2, 1, "unknown", None, False)),
    "expiry_start": (_expiry, Effect(2, 1, "unknown", None, False)),
    "fetch_numbers": (_fetch, IN),
    "import": (_import, Effect(1, 0, "opted_in", True, True)),
    "import_job": (_import_job, Effect(1, 0, "opted_in", True, True)),
    "put_shopper": (_put_shopper, IN),
    "delete_shopper": (_delete_shopper, OUT),
}
# Queues deliver again when the visibility is over; a schedule that failed comes a minute later.
_AGAIN_AFTER = dict.fromkeys(("sweep", "expiry_start"), timedelta(minutes=1))


@pytest.mark.parametrize("name", CASES)
def test_killed_at_every_request_and_delivered_again(shop: Shop, name: str) -> None:
    """Reliability 12, 6: whatever request a handler dies at, its event has one effect."""
    arrange, expected = CASES[name]
    has_one_effect(shop, arrange, expected, _AGAIN_AFTER.get(name, VISIBILITY))


def test_an_idempotency_decorator_alone_has_two_effects_in_one_slot(house: World) -> None:
    """Reliability 12: beside it, Powertools' idempotent_function: killed between effect and mark.

    It is a lease and not part of the effect's transaction, so one slot of all doubles the effect.
    """
    boto3.client("dynamodb").create_table(
        TableName="idempotency",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    wire = Wire(house)
    assert _decorated(wire, "undisturbed") == 1
    assert wire.names[:2] == ["dynamodb.PutItem", "dynamodb.UpdateItem"]  # then comes the repeat

    effects = {}
    for number in (1, 2):
        for side in ("before", "after"):
            with wire.failing(**{side: kill_at(number)}):
                effects[number, side] = _decorated(wire, f"{number}-{side}")
    assert effects == {(1, "before"): 1, (1, "after"): 1, (2, "before"): 2, (2, "after"): 1}


def _decorated(wire: Wire, event_id: str) -> int:
    """Run a decorated effect, killed as the wire says, and deliver its event again."""
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer,
        IdempotencyConfig,
        idempotent_function,
    )

    done: list[str] = []

    class Context(LambdaContext):
        def get_remaining_time_in_millis(self) -> int:
            return 1

    config = IdempotencyConfig(event_key_jmespath="id")
    store = DynamoDBPersistenceLayer("idempotency", boto3_client=boto3.client("dynamodb"))

    def note(*, event: dict[str, str]) -> None:
        done.append(event["id"])

    effect = idempotent_function(
        note, data_keyword_argument="event", persistence_store=store, config=config
    )
    for receive in (1, 2):
        config.register_lambda_context(cast(Any, Context()))
        try:
            effect(event={"id": event_id})
        except Killed:
            assert receive == 1
            wire.before = wire.after = lambda _: None
            time.sleep(0.01)  # its lease of one millisecond is over
    return len(done)
