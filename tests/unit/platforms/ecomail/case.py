"""Ecomail for the conformance suite."""

from __future__ import annotations

from typing import Final

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http
from concord.platforms.ecomail.client import EcomailClient
from tests.unit.platforms.kit import PlatformCase, WebhookCase, answering

KEY: Final = "ecomail-key"


def client(http: Http, **settings: object) -> EcomailClient:
    there = Endpoint("eco-1", "https://api.example.com", settings, {"api_key": KEY})
    return EcomailClient(there, http)


CASE: Final = PlatformCase(
    name="ecomail",
    webhook=WebhookCase(unsigned=True),
    contacts=lambda answer: client(answering(answer)),
    checker=lambda answer: client(answering(answer)),
    refused=b'{"errors":{"email":["jan@novak.example of Novak is no good, nor is 4711"]}}',
)
