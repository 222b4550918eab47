"""ECRS CATAPULT: keeps "opted in for text marketing" per shopper and number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http, Platform
from concord.ports import WebhookAdapter

if TYPE_CHECKING:
    from concord.platforms.catapult.client import CatapultClient
    from concord.platforms.catapult.source import CatapultSource


def _webhook() -> WebhookAdapter:
    from concord.platforms.catapult.webhook import WEBHOOK

    return WEBHOOK


def _client(endpoint: Endpoint, http: Http) -> CatapultClient:
    from concord.platforms.catapult.client import CatapultClient

    return CatapultClient(endpoint, http)


def _source(endpoint: Endpoint, http: Http) -> CatapultSource:
    from concord.platforms.catapult.source import CatapultSource

    return CatapultSource(endpoint, http)


PLATFORM = Platform(
    name="catapult",
    webhook=_webhook,
    consent_peer=_client,
    shopper_source=_source,
    checker=_client,
)
