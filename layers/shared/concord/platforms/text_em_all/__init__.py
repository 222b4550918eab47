"""Text-Em-All: carries texts, keeps a consent flag per number, tells us of inbound texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http, Platform
from concord.ports import WebhookAdapter

if TYPE_CHECKING:
    from concord.platforms.text_em_all.bulk import TextEmAllBulk
    from concord.platforms.text_em_all.client import TextEmAllClient


def _webhook() -> WebhookAdapter:
    from concord.platforms.text_em_all.webhook import WEBHOOK

    return WEBHOOK


def _client(endpoint: Endpoint, http: Http) -> TextEmAllClient:
    from concord.platforms.text_em_all.client import TextEmAllClient

    return TextEmAllClient(endpoint, http)


def _bulk(endpoint: Endpoint, http: Http) -> TextEmAllBulk:
    from concord.platforms.text_em_all.bulk import TextEmAllBulk

    return TextEmAllBulk(endpoint, http)


PLATFORM = Platform(
    name="text_em_all",
    webhook=_webhook,
    sender=_client,
    bulk_sender=_bulk,
    consent_peer=_client,
    checker=_client,
    default_url="https://rest.text-em-all.com/v1",
    answers_stop=False,
    rate=10.0,
)
