"""Twilio for the conformance suite."""

from __future__ import annotations

from typing import Final

from concord.domain.events import RawRequest
from concord.domain.outbound import Endpoint
from concord.platforms.base import Http
from concord.platforms.twilio import signature
from concord.platforms.twilio.client import TwilioClient
from concord.platforms.twilio.form import read_form
from tests.unit.platforms.kit import PlatformCase, WebhookCase, answering, with_headers

SID: Final = "AC0123456789abcdef0123456789abcdef"
CREDENTIALS: Final = {"account_sid": SID, "auth_token": "auth-token"}
REFUSED: Final = b'{"code":21602,"message":"No.","more_info":"","status":400}'


def client(http: Http, **credentials: str) -> TwilioClient:
    given = {**CREDENTIALS, **credentials}
    return TwilioClient(Endpoint(SID, "https://api.example.com", {}, given), http)


def sign(request: RawRequest) -> RawRequest:
    given = signature.sign("auth-token", request.url, read_form(request.body))
    return with_headers(request, {signature.HEADER: given})


CASE: Final = PlatformCase(
    name="twilio",
    webhook=WebhookCase(
        sign=sign,
        signature_headers=(signature.HEADER,),
        expires=False,
        credentials=CREDENTIALS,
        wrong_credentials={"account_sid": SID, "auth_token": "another-token"},
    ),
    sender=lambda answer: client(answering(answer)),
    checker=lambda answer: client(answering(answer)),
    accepted=b'{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}',
    message_id="SM0123456789abcdef0123456789abcdef",
    refused=REFUSED,
)
