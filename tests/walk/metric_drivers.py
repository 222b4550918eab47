"""How each metric of ours is made to rise: DRIVERS for those on alarms, SHOWN for the others."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from concord.adapters.dynamodb import ledger_keys
from tests.world.events import LambdaContext, sqs_event
from tests.world.faults import Wire, away, settle
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.person import Person
from tests.world.sending import morning, opted_in, planned
from tests.world.shop import Shop, new_number
from tests.world.signing import signed
from tests.world.world import PREFIX, TABLE

type Drive = Callable[[Shop, pytest.MonkeyPatch], None]


def _odd(shop: Shop) -> dict[str, Any]:
    """Send a signed webhook that nobody can read; returns the gateway response."""
    at = shop.world.clock.now()
    headers = signed(shop.webhook_secret, '{"type":"inbound_text"}', new_number(), at)
    path = shop.webhooks["text_em_all"].split("/test", 1)[1]
    return shop.world.receive(path, b'{"type":"inbound_text"}', headers)


def _unreadable(shop: Shop, _: pytest.MonkeyPatch) -> None:
    assert _odd(shop)["statusCode"] == 202


def _unreadable_by_topic(shop: Shop, _: pytest.MonkeyPatch) -> None:
    from functions.webhooks.receive_sms import lambda_handler

    message = {"destinationNumber": shop.text_number, "inboundMessageId": "in-1"}
    assert lambda_handler(sqs_event([message]), LambdaContext()) == {"batchItemFailures": []}


def _unreadable_in_the_safety_queue(shop: Shop, _: pytest.MonkeyPatch) -> None:
    with Wire(shop.world).failing(away("dynamodb")):
        assert _odd(shop)["statusCode"] == 202
    assert shop.world.rescue() == 1


def _wrong_key(shop: Shop) -> None:
    value = base64.b64encode(os.urandom(32)).decode()
    name = f"{PREFIX}/stack-key"
    boto3.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    shop.world.cold()


def _wrong_key_at_the_webhook(shop: Shop, _: pytest.MonkeyPatch) -> None:
    deliver = Person(shop).text("STOP")
    _wrong_key(shop)
    assert deliver(1)["statusCode"] == 503


def _wrong_key_at_the_till(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _wrong_key(shop)
    assert shop.connect("GET", f"/consents/sms/{new_number()}")["statusCode"] == 503


def _wrong_key_at_the_desk(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _wrong_key(shop)
    body = {"channel": "sms", "point": new_number()}
    assert shop.admin("POST", "/consents/lookup", body)["statusCode"] == 503


def _wrong_key_for_a_task(shop: Shop, _: pytest.MonkeyPatch) -> None:
    person = Person(shop)
    person.text("STOP")(1)
    row = person.rows("push_consent")[0]
    _wrong_key(shop)
    assert shop.world.run_task(row) == ["m-0"]


def _bug(*_: Any, **__: Any) -> None:
    raise RuntimeError("a bug")


def _bug_at_the_webhook(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    deliver = Person(shop).text("STOP")
    patch.setattr(type(shop.world.parts.authenticator), "open_webhook", _bug)
    assert deliver(1)["statusCode"] == 500


def _bug_at_the_till(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(shop.world.parts.authenticator), "open", _bug)
    assert shop.connect("GET", f"/consents/sms/{new_number()}")["statusCode"] == 503


def _bug_at_the_desk(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(shop.world.parts.connections), "get", _bug)
    assert shop.admin("GET")["statusCode"] == 500


def _failed_replay_at_the_desk(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _odd(shop)
    [kept] = shop.world.body(shop.world.admin("GET", "/v1/merchants/m1/inbox"))["items"]
    path = f"/v1/merchants/m1/inbox/{kept['inbox_id']}/replay"
    assert shop.world.body(shop.world.admin("POST", path))["state"] == "failed"


def _failed_replay_of_a_span(shop: Shop, _: pytest.MonkeyPatch) -> None:
    start = shop.world.clock.now()
    _odd(shop)
    end = start + timedelta(minutes=5)
    span = {"from": start.isoformat(), "to": end.isoformat()}
    shop.world.admin("POST", "/v1/merchants/m1/inbox/replays", span)
    settle(shop.world)


def _refused_task(shop: Shop, _: pytest.MonkeyPatch) -> None:
    Person(shop).text("STOP")(1)
    shop.world.sandbox.fault(platform="catapult", status=400, code=3)
    shop.world.pump()


def _refused_credentials(shop: Shop, _: pytest.MonkeyPatch) -> None:
    Person(shop).text("STOP")(1)
    shop.world.sandbox.fault(platform="catapult", status=401)
    shop.world.pump()


def _lost_answer(shop: Shop, _: pytest.MonkeyPatch) -> None:
    Person(shop).text("STOP")(1)
    shop.world.sandbox.fault(platform="text_em_all", method="POST", lose_answer=True)
    shop.world.sandbox.fault(platform="text_em_all", method="GET", status=404)
    settle(shop.world)


def _forgotten_tasks(shop: Shop, _: pytest.MonkeyPatch) -> None:
    Person(shop).text("STOP")(1)
    shop.world.clock.advance(timedelta(minutes=11))
    shop.world.sweep()


def _text_that_nobody_can_take(shop: Shop, _: pytest.MonkeyPatch) -> None:
    from functions.webhooks.receive_sms import lambda_handler

    event = sqs_event([{"destinationNumber": shop.text_number, "messageBody": "STOP"}])
    attributes = event["Records"][0]["attributes"]
    attributes["SentTimestamp"] = str(int(attributes["SentTimestamp"]) - 301_000)
    with Wire(shop.world).failing(away("dynamodb", "sqs")):
        assert lambda_handler(event, LambdaContext())["batchItemFailures"]


def _refused_broadcast(shop: Shop, _: pytest.MonkeyPatch) -> None:
    """Ten numbers in a row are refused alike: it is not the numbers."""
    _broadcast(shop, 20)
    shop.world.sandbox.fault(
        platform="text_em_all", method="POST", path="/conversations", status=400, code=7
    )
    shop.world.pump()


def _lost_answer_of_a_broadcast(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _broadcast(shop, 3)
    shop.world.sandbox.fault(platform="text_em_all", method="POST", lose_answer=True)
    shop.world.sandbox.fault(platform="text_em_all", method="GET", status=404)
    settle(shop.world)


def _wrong_key_for_a_broadcast(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _broadcast(shop, 3)
    _wrong_key(shop)
    shop.world.pump()


def _sender_down(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _broadcast(shop, 6, slice_size=1)
    shop.world.sandbox.fault(platform="text_em_all", method="POST", status=503)
    shop.world.pump()


def _broadcast(shop: Shop, count: int, slice_size: int = 10) -> None:
    morning(shop.world)
    planned(shop, opted_in(shop, count), bulk=False, slice_size=slice_size)


def _late_night(shop: Shop, _: pytest.MonkeyPatch) -> None:
    loyalty = Loyalty(shop.world, "m9")
    loyalty.becomes(loyalty.today + ONE_DAY, 6)
    shop.world.hourly()


def _hint_without_account(shop: Shop, _: pytest.MonkeyPatch) -> None:
    loyalty = Loyalty(shop.world, "m9")
    hint = ledger_keys.hint(loyalty.key("ann"), loyalty.today + ONE_DAY)
    shop.world.parts.table.put(hint, {})
    loyalty.nights(1)


def _lost_entry(shop: Shop, _: pytest.MonkeyPatch) -> None:
    loyalty = Loyalty(shop.world, "m9")
    for number in range(3):
        loyalty.earns("ann", 50, None, f"o-{number}")
    shop.world.parts.table.delete(ledger_keys.entry(loyalty.key("ann"), "o-1"))
    loyalty.nights(1)
    report = loyalty.report(loyalty.today - ONE_DAY)
    assert report is not None
    assert not report.adds_up
    assert loyalty.through() == loyalty.today.isoformat()


# --- what the dashboard shows beside the alarms ------------------------------------------------


def _stop(shop: Shop, _: pytest.MonkeyPatch) -> None:
    assert Person(shop).text("STOP")(1)["statusCode"] == 204


def _till(shop: Shop) -> int:
    body = {"event_id": new_number(), "action": "opt_out", "channel": "sms", "via": "pos"}
    return int(shop.connect("POST", "/consents", {**body, "point": new_number()})["statusCode"])


def _stop_at_the_till(shop: Shop, _: pytest.MonkeyPatch) -> None:
    assert _till(shop) == 200


def _kept_stop(shop: Shop, _: pytest.MonkeyPatch) -> None:
    deliver = Person(shop).text("STOP")
    with Wire(shop.world).failing(away("dynamodb")):
        assert deliver(1)["statusCode"] == 202
        assert shop.world.rescue() == 0
    assert shop.world.rescue() == 1


def _kept_at_the_till(shop: Shop, _: pytest.MonkeyPatch) -> None:
    with Wire(shop.world).failing(away("dynamodb")):
        assert _till(shop) == 503


def _not_even_kept(shop: Shop, _: pytest.MonkeyPatch) -> None:
    with Wire(shop.world).failing(away("dynamodb", "sqs")):
        assert _till(shop) == 503


def _kept_with_a_wrong_token(shop: Shop, _: pytest.MonkeyPatch) -> None:
    shop.webhooks["text_em_all"] += "x"
    shop.world.cold()
    with Wire(shop.world).failing(away("dynamodb")):
        assert _odd(shop)["statusCode"] == 202
    assert shop.world.rescue() == 1


def _event(shop: Shop, **payload: str) -> None:
    body, at = json.dumps(payload), shop.world.clock.now()
    path = shop.webhooks["text_em_all"].split("/test", 1)[1]
    headers = signed(shop.webhook_secret, body, new_number(), at)
    assert shop.world.receive(path, body.encode(), headers)["statusCode"] < 300


def _new_kind_of_event(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _event(shop, type="poll_finished", id="e-1")


def _receipt_of_nothing(shop: Shop, _: pytest.MonkeyPatch) -> None:
    _event(shop, type="delivery", id="d-1", status="delivered", reference="nothing")


def _text_for_nobody(shop: Shop, _: pytest.MonkeyPatch) -> None:
    message = {"destinationNumber": new_number(), "messageBody": "hello"}
    assert shop.world.receive_sms(message) == []


def _chain_without_its_tail(shop: Shop, _: pytest.MonkeyPatch) -> None:
    person = Person(shop).texts("JOIN")
    [last] = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    key = {"pk": {"S": last["pk"]}, "sk": {"S": last["sk"]}}
    shop.world.dynamodb.delete_item(TableName=TABLE, Key=key)
    asked = {"channel": "sms", "point": person.number}
    assert shop.admin("POST", "/consents/dossier", asked)["statusCode"] == 200


def _queues_away(shop: Shop, _: pytest.MonkeyPatch) -> None:
    Person(shop).text("STOP")(1)
    with Wire(shop.world).failing(away("sqs")):
        shop.world.relay()


def _nobody_to_opt_out(shop: Shop, _: pytest.MonkeyPatch) -> None:
    Person(shop).text("STOP")(1)
    unknown = {"platform": "text_em_all", "method": "PUT", "status": 404, "code": 1003}
    shop.world.sandbox.fault(**unknown, times=1)
    settle(shop.world)


SHOWN: dict[tuple[str, str], Drive] = {
    ("WebhookReceive", "OptOutApplied"): _stop,
    ("WebhookReceive", "ConsentChanged"): _stop,
    ("ConnectApi", "OptOutApplied"): _stop_at_the_till,
    ("ConnectApi", "ConsentChanged"): _stop_at_the_till,
    ("WebhookReceive", "SafetyQueued"): _kept_stop,
    ("WebhookRescue", "OldestFailedSeconds"): _kept_stop,
    ("WebhookRescue", "SafetyRescued"): _kept_stop,
    ("WebhookRescue", "OptOutApplied"): _kept_stop,
    ("WebhookRescue", "RescueRefused"): _kept_with_a_wrong_token,
    ("ConnectApi", "SafetyQueued"): _kept_at_the_till,
    ("ConnectApi", "SafetyUnavailable"): _not_even_kept,
    ("WebhookReceive", "UnknownEvent"): _new_kind_of_event,
    ("WebhookReceive", "ReceiptUnmatched"): _receipt_of_nothing,
    ("WebhookReceiveSms", "UnknownEvent"): _text_for_nobody,
    ("WebhookReceiveSms", "InboundForNobody"): _text_for_nobody,
    ("AdminApi", "EvidenceBroken"): _chain_without_its_tail,
    ("SyncRelay", "RelayLeftToSweep"): _queues_away,
    ("SyncRunTask", "OptOutUnmatched"): _nobody_to_opt_out,
    ("SyncRunTask", "OldestFailedSeconds"): _wrong_key_for_a_task,
    ("BroadcastSend", "SenderDown"): _sender_down,
}
DRIVERS: dict[tuple[str, str], Drive] = {
    ("WebhookReceive", "WebhookFailed"): _unreadable,
    ("WebhookReceiveSms", "WebhookFailed"): _unreadable_by_topic,
    ("WebhookRescue", "WebhookFailed"): _unreadable_in_the_safety_queue,
    ("WebhookReceive", "StackKeyMismatch"): _wrong_key_at_the_webhook,
    ("ConnectApi", "StackKeyMismatch"): _wrong_key_at_the_till,
    ("AdminApi", "StackKeyMismatch"): _wrong_key_at_the_desk,
    ("SyncRunTask", "StackKeyMismatch"): _wrong_key_for_a_task,
    ("WebhookReceive", "UnhandledError"): _bug_at_the_webhook,
    ("ConnectApi", "UnhandledError"): _bug_at_the_till,
    ("AdminApi", "UnhandledError"): _bug_at_the_desk,
    ("AdminApi", "ReplayFailed"): _failed_replay_at_the_desk,
    ("SyncRunTask", "ReplayFailed"): _failed_replay_of_a_span,
    ("SyncRunTask", "TaskFailed"): _refused_task,
    ("SyncRunTask", "ConnectionPaused"): _refused_credentials,
    ("SyncRunTask", "SendUncertain"): _lost_answer,
    ("BroadcastSend", "StackKeyMismatch"): _wrong_key_for_a_broadcast,
    ("BroadcastSend", "BroadcastHeld"): _refused_broadcast,
    ("BroadcastSend", "SendUncertain"): _lost_answer_of_a_broadcast,
    ("SyncSweep", "OldestUnsyncedOptOutSeconds"): _forgotten_tasks,
    ("SyncSweep", "OverdueTasks"): _forgotten_tasks,
    ("WebhookReceiveSms", "OldestFailedSeconds"): _text_that_nobody_can_take,
    ("ExpiryStart", "NightLate"): _late_night,
    ("ExpiryRun", "HintWithoutAccount"): _hint_without_account,
    ("ExpiryRun", "ReportBroken"): _lost_entry,
}
