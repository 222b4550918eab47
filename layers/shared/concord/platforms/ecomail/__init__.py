"""Ecomail: keeps lists of contacts with fields, takes events, tells who joins and leaves a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http, Platform
from concord.ports import WebhookAdapter

if TYPE_CHECKING:
    from concord.platforms.ecomail.client import EcomailClient


def _webhook() -> WebhookAdapter:
    from concord.platforms.ecomail.webhook import WEBHOOK

    return WEBHOOK


def _client(endpoint: Endpoint, http: Http) -> EcomailClient:
    from concord.platforms.ecomail.client import EcomailClient

    return EcomailClient(endpoint, http)


PLATFORM = Platform(
    name="ecomail",
    webhook=_webhook,
    contact_peer=_client,
    consent_peer=_client,
    checker=_client,
    default_url="https://api2.ecomailapp.cz",
)
