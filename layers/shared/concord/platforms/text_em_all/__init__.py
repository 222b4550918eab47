"""Text-Em-All: carries texts, keeps a consent flag per number, tells us of inbound texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http, Platform
from concord.ports import WebhookAdapter

if TYPE_CHECKING:
    from concord.platforms.text_em_all.client import TextEmAllClient


def _webhook() -> WebhookAdapter:
    from concord.platforms.text_em_all.webhook import WEBHOOK

    return WEBHOOK


def _client(endpoint: Endpoint, http: Http) -> TextEmAllClient:
    from concord.platforms.text_em_all.client import TextEmAllClient

    return TextEmAllClient(endpoint, http)


PLATFORM = Platform(
    name="text_em_all",
    webhook=_webhook,
    sender=_client,
    consent_peer=_client,
    checker=_client,
    default_url="https://rest.text-em-all.com/v1",
    answers_stop=False,
)
