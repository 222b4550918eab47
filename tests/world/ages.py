"""Ages of messages, as SQS and our functions have CloudWatch know them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import boto3

from tests.world.world import STAGE

if TYPE_CHECKING:
    from tests.world.world import World


def message_age(house: World, queue: str, seconds: float, at: datetime | None = None) -> None:
    """Say how old the oldest message of a queue was, at a moment (default: now)."""
    of = {"QueueName": queue}
    _put("AWS/SQS", "ApproximateAgeOfOldestMessage", of, seconds, _at(house, at))


def failed_age(house: World, service: str, seconds: float, at: datetime | None = None) -> None:
    """Say how old the oldest message was that a function failed over, at a moment."""
    of = {"stage": STAGE, "service": service}
    _put("Concord", "OldestFailedSeconds", of, seconds, _at(house, at))


def _at(house: World, at: datetime | None) -> datetime:
    return at or house.clock.now()


def _put(namespace: str, name: str, of: dict[str, str], seconds: float, at: datetime) -> None:
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": dimension, "Value": value} for dimension, value in of.items()],
        "Timestamp": at,
        "Value": seconds,
    }
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])
