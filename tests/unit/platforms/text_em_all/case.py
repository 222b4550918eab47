"""Text-Em-All for the conformance suite."""

from __future__ import annotations

import json
from typing import Final

from concord.domain.events import RawRequest, SecretValue
from concord.domain.outbound import Endpoint
from concord.platforms import standard_webhooks
from concord.platforms.base import Http
from concord.platforms.text_em_all.bulk import TextEmAllBulk
from concord.platforms.text_em_all.client import TextEmAllClient
from tests.unit.platforms.kit import (
    BULK,
    NOW,
    BulkCase,
    PlatformCase,
    WebhookCase,
    answering,
    with_headers,
)

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET: Final = "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ="
CREDENTIALS: Final = {
    "consumer_key": "consumer-key",
    "consumer_secret": "consumer-secret",
    "access_token": "access-token",
}


def endpoint(**settings: object) -> Endpoint:
    return Endpoint("tea-1", "https://api.example.com/v1", settings, CREDENTIALS)


def client(http: Http, **settings: object) -> TextEmAllClient:
    return TextEmAllClient(endpoint(**settings), http, clock=lambda: 1_772_359_201.0)


def sign(request: RawRequest) -> RawRequest:
    stamp = int(NOW.timestamp())
    return with_headers(request, standard_webhooks.sign(SECRET, "msg_1", stamp, request.body))


NEUTRAL_WEBHOOK: Final = WebhookCase(
    sign=sign,
    signature_headers=(
        standard_webhooks.ID,
        standard_webhooks.TIMESTAMP,
        standard_webhooks.SIGNATURE,
    ),
    expires=True,
    secrets=(SecretValue(SECRET),),
    wrong_secrets=(SecretValue(OTHER_SECRET),),
)


def bulk(http: Http, **settings: object) -> TextEmAllBulk:
    return TextEmAllBulk(endpoint(**settings), http, clock=lambda: 1_772_359_201.0)


def _feed(*names: str | None) -> bytes:
    items = [{"BroadcastID": 700001 + n, "BroadcastName": name} for n, name in enumerate(names)]
    return json.dumps({"Size": len(items), "Items": items}).encode()


BULK_CASE: Final = BulkCase(
    sender=lambda answer: bulk(answering(answer)),
    accepted=b'{"BroadcastID":700001,"BroadcastStatus":"AuthorizationApproved"}',
    message_id="700001",
    nobody_left=b'{"ErrorCode":3005,"ErrorName":"NoValidBroadcastContacts","Message":"No."}',
    found=_feed(BULK.reference),
    absent=_feed(),
    silent=(
        _feed("another", None),
        _feed(BULK.reference.upper(), f"{BULK.reference} ", f"{BULK.reference}0"),
        b'{"Size":1,"Items":[]}',
        b'{"Size":0}',
        b"{}",
    ),
)

CASE: Final = PlatformCase(
    name="text_em_all",
    webhook=NEUTRAL_WEBHOOK,
    sender=lambda answer: client(answering(answer)),
    bulk=BULK_CASE,
    peer=lambda answer: client(answering(answer)),
    checker=lambda answer: client(answering(answer)),
    accepted=b'{"ConversationID":500001,"LastMessage":{"TextMessageID":500002}}',
    message_id="500002",
    refused=b'{"ErrorCode":1000,"ErrorName":"Invalid","ErrorType":"Validation","Message":"No."}',
)
