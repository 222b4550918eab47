"""AWS End User Messaging SMS: carries texts; inbound texts and events arrive through SNS and SQS.

It has no webhook: `topic.AwsTopic` reads what our own queue brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.domain.outbound import Endpoint
from concord.platforms.base import NO_URL, Http, Platform
from concord.ports import TopicAdapter

if TYPE_CHECKING:
    from concord.platforms.aws_messaging.client import AwsTextSender


def _sender(endpoint: Endpoint, http: Http) -> AwsTextSender:
    # AWS's own endpoint is not a merchant's choice, so the guarded client plays no part.
    from concord.platforms.aws_messaging.client import AwsTextSender

    return AwsTextSender(endpoint)


def _topic() -> TopicAdapter:
    from concord.platforms.aws_messaging.topic import AwsTopic

    return AwsTopic()


PLATFORM = Platform(
    name="aws",
    topic=_topic,
    sender=_sender,
    default_url=NO_URL,
    answers_stop=True,
    rate=1.0,  # one part of a message a second and long code
    paced_by_segments=True,
)
