"""Depths and ages of queues, over moto's SQS and CloudWatch."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest

from concord.adapters.queue_figures import QueueFigures
from tests.integration.admin.test_inbox import with_dead_letters
from tests.world.ages import failed_age, message_age
from tests.world.faults import Wire, away
from tests.world.world import STAGE, World

QUEUES = ("urgent", "bulk", "plan", "send", "receipt", "safety", "aws_inbound", "night")


@pytest.fixture(name="dead")
def _dead(house: World) -> dict[str, str]:
    return with_dead_letters(house)


def figures(house: World) -> dict[str, dict[str, int | None]]:
    urls = {name: url for name, url in house.urls.items() if name != "stream_failures"}
    return QueueFigures(urls, house.urls["stream_failures"], STAGE, house.clock)()


def put(url: str) -> None:
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="x")


def test_an_empty_queue_holds_nothing_old(house: World, dead: dict[str, str]) -> None:
    """R-31: whatever the last figure said."""
    message_age(house, "urgent", 900)
    failed_age(house, "WebhookRescue", 900)
    found = figures(house)
    assert set(found) == {*QUEUES, "stream"}
    assert found["urgent"] == {
        "waiting": 0,
        "in_flight": 0,
        "delayed": 0,
        "oldest_seconds": 0,
        "dead_letters": 0,
        "oldest_dead_letter_seconds": 0,
    }
    assert found["safety"]["oldest_seconds"] == 0
    assert found["stream"] == {"dead_letters": 0, "oldest_dead_letter_seconds": 0}


def test_each_queue_and_its_dead_letters_have_an_age(house: World, dead: dict[str, str]) -> None:
    """R-31: the newest figure of each, by the queue's name."""
    for number, name in enumerate(QUEUES, start=1):
        put(house.urls[name])
        put(dead[name])
        message_age(house, name, 100 * number, house.clock.now() - timedelta(minutes=2))
        message_age(house, name, 5_000, house.clock.now() - timedelta(minutes=8))
        message_age(house, f"{name}-dead", 100 * number + 7)
    put(dead["stream"])
    message_age(house, "stream_failures", 77)
    found = figures(house)
    ages = {name: found[name].get("oldest_seconds") for name in found}
    assert ages == {
        "urgent": 100,
        "bulk": 200,
        "plan": 300,
        "send": 400,
        "receipt": 500,
        "safety": 600,
        "aws_inbound": 700,
        "night": 800,
        "stream": None,
    }
    dead_ages = {name: each["oldest_dead_letter_seconds"] for name, each in found.items()}
    assert dead_ages == {
        "urgent": 107,
        "bulk": 207,
        "plan": 307,
        "send": 407,
        "receipt": 507,
        "safety": 607,
        "aws_inbound": 707,
        "night": 807,
        "stream": 77,
    }


@pytest.mark.parametrize(
    ("name", "service"), [("safety", "WebhookRescue"), ("aws_inbound", "WebhookReceiveSms")]
)
def test_what_keeps_failing_has_an_age(
    house: World, dead: dict[str, str], name: str, service: str
) -> None:
    """R-31: SQS leaves it out after three receives; it has grown older since it was last tried."""
    put(house.urls[name])
    failed_age(house, service, 90_000, house.clock.now() - timedelta(minutes=29))
    oldest = figures(house)[name]["oldest_seconds"]
    assert oldest is not None
    assert 90_000 + 29 * 60 - 60 <= oldest <= 90_000 + 29 * 60 + 60


def test_an_old_figure_is_none(house: World, dead: dict[str, str]) -> None:
    """R-31: no age rather than that of a quarter of an hour ago."""
    put(house.urls["bulk"])
    message_age(house, "bulk", 50, house.clock.now() - timedelta(minutes=15))
    assert figures(house)["bulk"]["oldest_seconds"] is None


def test_depths_need_no_cloudwatch(house: World, dead: dict[str, str]) -> None:
    """R-31: without it ages are unknown, and nothing else (the local stack has none)."""
    put(house.urls["bulk"])
    with Wire(house).failing(away("cloudwatch")):
        found = figures(house)["bulk"]
    assert (found["waiting"], found["oldest_seconds"]) == (1, None)
    assert found["dead_letters"] == 0


def test_without_sqs_nothing_is_known(house: World, dead: dict[str, str]) -> None:
    """R-31: unknown is not zero."""
    with Wire(house).failing(away("sqs")):
        found = figures(house)
    assert {value for each in found.values() for value in each.values()} == {None}
