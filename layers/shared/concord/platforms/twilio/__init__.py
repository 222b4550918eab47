"""Twilio: carries texts; its carrier side answers STOP and HELP itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http, Platform
from concord.ports import WebhookAdapter

if TYPE_CHECKING:
    from concord.platforms.twilio.client import TwilioClient


def _webhook() -> WebhookAdapter:
    from concord.platforms.twilio.webhook import WEBHOOK

    return WEBHOOK


def _client(endpoint: Endpoint, http: Http) -> TwilioClient:
    from concord.platforms.twilio.client import TwilioClient

    return TwilioClient(endpoint, http)


PLATFORM = Platform(
    name="twilio",
    webhook=_webhook,
    sender=_client,
    checker=_client,
    default_url="https://api.twilio.com",
    answers_stop=True,
    rate=1.0,  # one segment a second and long code
    paced_by_segments=True,
)
