"""The alarms on the safety queue hold for as long as anything waits in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.template.cfn import resources
from tests.world.emf import emitted
from tests.world.events import LambdaContext, sqs_event
from tests.world.faults import Wire, away
from tests.world.person import Person
from tests.world.shop import Shop
from tests.world.world import World

# What SQS calls its metrics, and the attributes of a queue that are the same figures.
_FIGURES = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
}


def _alarmed(house: World) -> bool:
    """Evaluate the alarms on the safety queue with the queue's own figures: does one hold?"""
    alarms = resources("AWS::CloudWatch::Alarm")
    held = []
    for alarm in (alarms["SafetyQueueWaiting"], alarms["SafetyQueueHidden"]):
        name = _FIGURES[alarm["MetricName"]]
        answer = house.sqs.get_queue_attributes(
            QueueUrl=house.urls["safety"], AttributeNames=[name]
        )
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        held.append(int(answer["Attributes"][name]) >= alarm["Threshold"])
    return any(held)


def test_the_safety_alarm_lasts_as_long_as_anything_waits(shop: Shop) -> None:
    """R-31, TEA-22: waiting, in hand, or hidden until its next try, however often it was tried."""
    from functions.webhooks.rescue import lambda_handler

    house, deliver = shop.world, Person(shop).text("STOP")
    assert not _alarmed(house)
    wire = Wire(house)
    with wire.failing(away("dynamodb")):
        assert deliver(1)["statusCode"] == 202
        assert _alarmed(house)
        for receives in range(1, 6):
            [message] = house.ground.take("safety")
            assert _alarmed(house)
            event = sqs_event([json.loads(message["Body"])], receives)
            event["Records"][0]["receiptHandle"] = message["ReceiptHandle"]
            assert lambda_handler(event, LambdaContext())["batchItemFailures"]
            assert list(house.ground.take("safety")) == []  # hidden for half a minute and more
            assert _alarmed(house)
            house.ground.back("safety", message)
    assert house.rescue() == 1
    assert not _alarmed(house)


def test_the_age_of_a_kept_request_counts_from_its_receipt(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-31: a renewed message is younger than the request in it."""
    from functions.webhooks.rescue import lambda_handler

    deliver = Person(shop).text("STOP")
    with Wire(shop.world).failing(away("dynamodb")):
        deliver(1)
        [message] = shop.world.ground.take("safety")
        body = json.loads(message["Body"])
        body["request"]["received_at"] = "2026-01-01T00:00:00Z"
        capsys.readouterr()
        lambda_handler(sqs_event([body]), LambdaContext())
    since = datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)
    age = emitted(capsys.readouterr().out, "OldestFailedSeconds")
    assert abs(age - since.total_seconds()) < 60
