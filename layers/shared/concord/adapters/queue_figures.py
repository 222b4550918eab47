"""How deep the queues are, and how old what waits in them is: SQS and CloudWatch are asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from concord.adapters.clients import client
from concord.domain.metrics import Metric
from concord.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

type Figures = dict[str, int | None]

_DEPTHS: Final[Mapping[str, QueueAttributeNameType]] = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
# A message that was received three times is not in the queue's own age metric: whoever keeps
# failing over it reports it, WebhookRescue at least every half hour.
_REPORTED_BY: Final = {"safety": "WebhookRescue", "aws_inbound": "WebhookReceiveSms"}
_LOOKED_BACK: Final = timedelta(minutes=35)
# SQS publishes each minute, some minutes late. What is older says nothing about now.
_RECENT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Level:
    """A metric's newest value, and when it was that."""

    seconds: float
    at: datetime


class QueueFigures:
    """Asks for every queue: three small requests of SQS for each, one of CloudWatch; no retries.

    Made with the URL of each queue by its name, and of the queue of stream records that failed.
    """

    def __init__(
        self, urls: Mapping[str, str], stream_failures: str, stage: str, clock: Clock
    ) -> None:
        self._urls = urls
        self._stream_failures = stream_failures
        self._stage = stage
        self._clock = clock
        self._sqs = client("sqs", connect=0.3, read=1.0)

    def __call__(self) -> dict[str, Figures]:
        """Return depths and ages (seconds) of every queue and of its dead letters.

        None = could not be asked. An empty queue's age is 0. Ages are those of some minutes ago.
        """
        figures = {name: self._depths(url) for name, url in self._urls.items()}
        dead = {name: self._dead_letters(url) for name, url in self._urls.items()}
        # A stream is no queue: of it there are dead letters alone.
        figures["stream"] = {}
        dead["stream"] = self._stream_failures
        ages = self._ages(dead)
        for name, found in figures.items():
            if name in self._urls:
                found["oldest_seconds"] = self._oldest(name, found, ages)
            depth = self._waiting(dead[name]) if dead[name] else None
            found["dead_letters"] = depth
            found["oldest_dead_letter_seconds"] = _age_of(depth, ages.get(_dead(name)))
        return figures

    # --- SQS: depths -------------------------------------------------------------------------

    def _depths(self, url: str) -> Figures:
        found = self._attributes(url, list(_DEPTHS.values()))
        return {
            name: int(found[theirs]) if theirs in found else None
            for name, theirs in _DEPTHS.items()
        }

    def _dead_letters(self, url: str) -> str:
        """Return the URL of a queue's dead-letter queue; empty = there is none, or no answer."""
        policy = json.loads(self._attributes(url, ["RedrivePolicy"]).get("RedrivePolicy", "{}"))
        name = str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]
        return f"{url.rpartition('/')[0]}/{name}" if name else ""

    def _waiting(self, url: str) -> int | None:
        depth = _DEPTHS["waiting"]
        found = self._attributes(url, [depth])
        return int(found[depth]) if depth in found else None

    def _attributes(self, url: str, names: Sequence[QueueAttributeNameType]) -> dict[str, str]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        except (BotoCoreError, ClientError):
            return {}
        return {str(name): value for name, value in answer.get("Attributes", {}).items()}

    # --- CloudWatch: ages --------------------------------------------------------------------

    def _oldest(self, name: str, depths: Figures, ages: Mapping[str, _Level]) -> int | None:
        known = [depth for depth in depths.values() if depth is not None]
        depth = sum(known) if len(known) == len(_DEPTHS) else None
        own, failed = _age_of(depth, ages.get(name)), ages.get(_failed(name))
        if depth == 0 or failed is None:
            return own
        since = (self._clock.now() - failed.at).total_seconds()
        return max(own or 0, int(failed.seconds + since))

    def _ages(self, dead: Mapping[str, str]) -> dict[str, _Level]:
        """Return the newest age of every queue, its dead letters, and what failed, as far as known.

        The keys are the queue's name, `_dead` and `_failed` of it.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        wanted = {name: _queue_age(url) for name, url in self._urls.items()}
        wanted |= {_dead(name): _queue_age(url) for name, url in dead.items() if url}
        wanted |= {_failed(name): _failed_age(self._stage, by) for name, by in _REPORTED_BY.items()}
        now = self._clock.now()
        try:
            cloudwatch = client("cloudwatch", connect=0.5, read=1.5)
            answer = cloudwatch.get_metric_data(
                MetricDataQueries=[_query(name, metric) for name, metric in wanted.items()],
                StartTime=now - _LOOKED_BACK,
                EndTime=now + timedelta(minutes=1),
                ScanBy="TimestampDescending",
            )
        except (BotoCoreError, ClientError):
            return {}
        found = {
            str(result["Id"]): _Level(float(result["Values"][0]), result["Timestamps"][0])
            for result in answer.get("MetricDataResults", [])
            if result.get("Values")
        }
        return {
            name: level
            for name, level in found.items()
            if now - level.at <= _RECENT or name.startswith(_failed(""))
        }


def _dead(name: str) -> str:
    return f"dead_{name}"


def _failed(name: str) -> str:
    return f"failed_{name}"


def _age_of(depth: int | None, level: _Level | None) -> int | None:
    """Return the age of what waits: in an empty queue nothing is old, whatever it said before."""
    if depth == 0:
        return 0
    return int(level.seconds) if level else None


def _queue_age(url: str) -> dict[str, Any]:
    name = url.rpartition("/")[2]
    return {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": name}],
    }


def _failed_age(stage: str, service: str) -> dict[str, Any]:
    return {
        "Namespace": "Concord",
        "MetricName": Metric.OLDEST_FAILED_SECONDS.value,
        "Dimensions": [
            {"Name": "stage", "Value": stage},
            {"Name": "service", "Value": service},
        ],
    }


def _query(name: str, metric: dict[str, Any]) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
