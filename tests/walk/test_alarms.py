"""Every alarm on a metric of ours: the function it watches really emits it, name and dimension."""

from __future__ import annotations

import base64
import importlib
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.metrics import Metrics

from concord.entrypoint import observability
from tests.template.cfn import functions, resources
from tests.world.emf import metrics
from tests.world.events import LambdaContext, sqs_event
from tests.world.faults import Wire, away, settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.signing import signed
from tests.world.world import PREFIX

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
    ("SyncSweep", "OldestUnsyncedOptOutSeconds"): _forgotten_tasks,
    ("SyncSweep", "OverdueTasks"): _forgotten_tasks,
}


def _watched() -> list[tuple[str, str]]:
    """Return (service, metric) of every alarm on a metric of ours."""
    alarms = [
        a for a in resources("AWS::CloudWatch::Alarm").values() if a["Namespace"] == "Concord"
    ]
    pairs = []
    for alarm in alarms:
        [dimension] = alarm["Dimensions"]
        assert dimension["Name"] == "service"
        pairs.append((dimension["Value"], alarm["MetricName"]))
    return sorted(pairs)


def test_every_alarm_has_a_driver() -> None:
    """R-31: no alarm without a test that makes its metric rise, and none left over."""
    assert _watched() == sorted(DRIVERS)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each handler report as its own process would: under the name that the template gives."""
    for properties in functions().values():
        name = properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        module_name = properties["Handler"].rpartition(".")[0]
        module = importlib.import_module(module_name)
        monkeypatch.setattr(module, "lambda_handler", _under(name, module.lambda_handler))


def _under(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    own = Metrics(namespace="Concord", service=name)

    def run(event: Any, context: Any) -> Any:
        before, observability._METRICS = observability._METRICS, own  # type: ignore[misc]
        try:
            return handler(event, context)
        finally:
            observability._METRICS = before  # type: ignore[misc]

    return run


@pytest.mark.parametrize(("service", "name"), _watched())
def test_the_metric_rises(
    shop: Shop,
    named: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    name: str,
) -> None:
    """R-31: driven for real, exactly that metric with exactly that dimension is on stdout."""
    capsys.readouterr()
    DRIVERS[service, name](shop, monkeypatch)
    found = [m for m in metrics(capsys.readouterr().out) if m.name == name]
    mine = [m for m in found if m.dimensions == (("service", service),)]
    assert mine, found
    assert all(metric.namespace == "Concord" for metric in mine)
    assert max(metric.value for metric in mine) > _threshold(service, name)


def _threshold(service: str, name: str) -> float:
    """Return what the alarm compares with."""
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        if alarm["MetricName"] == name and alarm["Dimensions"][0]["Value"] == service:
            return float(alarm["Threshold"])
    raise AssertionError(name)
