"""CATAPULT for the conformance suite."""

from __future__ import annotations

from typing import Final

from concord.domain.events import RawRequest, SecretValue
from concord.domain.outbound import Endpoint
from concord.platforms import standard_webhooks
from concord.platforms.base import Http
from concord.platforms.catapult.client import CatapultClient
from concord.platforms.catapult.source import CatapultSource
from tests.unit.platforms.kit import NOW, PlatformCase, WebhookCase, answering, with_headers

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET: Final = "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ="


def client(http: Http, **settings: object) -> CatapultClient:
    credentials = {"api_key": "catapult-key"}
    return CatapultClient(Endpoint("cat-1", "https://api.example.com", settings, credentials), http)


def source(http: Http, **settings: object) -> CatapultSource:
    credentials = {"api_key": "catapult-key"}
    there = Endpoint("cat-1", "https://api.example.com/pos", settings, credentials)
    return CatapultSource(there, http)


def sign(request: RawRequest) -> RawRequest:
    stamp = int(NOW.timestamp())
    return with_headers(request, standard_webhooks.sign(SECRET, "msg_1", stamp, request.body))


CASE: Final = PlatformCase(
    name="catapult",
    webhook=WebhookCase(
        sign=sign,
        signature_headers=(
            standard_webhooks.ID,
            standard_webhooks.TIMESTAMP,
            standard_webhooks.SIGNATURE,
        ),
        expires=True,
        secrets=(SecretValue(SECRET),),
        wrong_secrets=(SecretValue(OTHER_SECRET),),
    ),
    peer=lambda answer: client(answering(answer)),
    source=lambda answer: source(answering(answer)),
    checker=lambda answer: client(answering(answer)),
    accepted=b'{"updated":1}',
    refused=b'{"code":9,"description":"No."}',
)
