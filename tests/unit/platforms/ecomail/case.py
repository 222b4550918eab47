"""Ecomail for the conformance suite."""

from __future__ import annotations

import dataclasses
from typing import Final

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http
from concord.platforms.ecomail.client import EcomailClient
from tests.unit.platforms.kit import CONTACT, PUSH, PlatformCase, WebhookCase, answering

KEY: Final = "ecomail-key"
OUT: Final = dataclasses.replace(PUSH, point=CONTACT.email, channel="email", shopper_ids=())


def client(http: Http, **settings: object) -> EcomailClient:
    there = Endpoint("eco-1", "https://api.example.com", settings, {"api_key": KEY})
    return EcomailClient(there, http)


CASE: Final = PlatformCase(
    name="ecomail",
    webhook=WebhookCase(unsigned=True),
    contacts=lambda answer: client(answering(answer)),
    peer=lambda answer: client(answering(answer), list_id="7"),
    push=OUT,
    checker=lambda answer: client(answering(answer)),
    refused=b'{"errors":{"email":["jan@novak.example of Novak is no good, nor is 4711"]}}',
)
