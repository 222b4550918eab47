"""Shops whose texts are carried by Text-Em-All, by Twilio or by AWS, and their handsets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from concord.platforms.aws_messaging.client import AwsTextSender, _client_for
from tests.sandbox.harness import BASE as SANDBOX
from tests.world.events import LambdaContext, sqs_event
from tests.world.mailing import person_texts
from tests.world.shop import Shop, new_number
from tests.world.world import World

SID, TOKEN = "AC" + "1" * 32, "auth-token-of-twilio"


@dataclass
class Carried:
    """A shop, who carries its texts, and its number there."""

    shop: Shop
    platform: str
    sends_from: str

    @property
    def house(self) -> World:
        return self.shop.world

    def got(self, number: str) -> list[str]:
        """Return the texts that a handset received."""
        shown = self.house.sandbox.get(f"/{self.platform}/_handset/{number}").json()
        return [text["text"] for text in shown]

    def texts(self, number: str, words: str) -> None:
        """Let a handset text the shop: by the carrier's webhook, or by AWS's topic."""
        if self.platform == "aws":
            deliver(inbound(self, number, words))
        elif self.platform == "text_em_all":
            person_texts(self.shop, number, words)  # signed at the clock of the world
        else:
            body = {"from": number, "to": self.sends_from, "text": words}
            answer = self.house.sandbox.post(f"/{self.platform}/_handset", json=body)
            assert answer.status_code == 200, answer.text


type Carriage = Callable[..., Carried]
"""Connects a shop, with more settings."""


def by_text_em_all(house: World, _: pytest.MonkeyPatch, **settings: Any) -> Carried:
    """Return a shop whose sender is the destination itself: it takes many texts in a call."""
    shop = house.shop(**settings)
    return Carried(shop, "text_em_all", shop.text_number)


def by_twilio(house: World, _: pytest.MonkeyPatch, **settings: Any) -> Carried:
    """Return a shop whose sender is Twilio: one text a call."""
    number = new_number()
    credentials = {"account_sid": SID, "auth_token": TOKEN}
    sender = {
        "platform": "twilio",
        "base_url": f"{SANDBOX}/twilio",
        "from": number,
        "credentials": credentials,
        "answers_stop": True,
    }
    shop = house.shop(sender=sender, **settings)
    house.sandbox.seed(
        "twilio",
        SID,
        text_numbers=[number],
        credentials=credentials,
        webhook_url=shop.webhooks["twilio"],
    )
    return Carried(shop, "twilio", number)


def by_aws(house: World, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Carried:
    """Return a shop whose sender is AWS; the SDK's requests land in the sandbox."""
    number = new_number()
    house.sandbox.seed("aws", "aws-1", text_numbers=[number])
    monkeypatch.setenv("AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2", f"{SANDBOX}/aws")
    monkeypatch.setattr(AwsTextSender, "_client", _sandbox_sdk(house))
    sender = {"platform": "aws", "from": number, "credentials": {}, "answers_stop": True}
    return Carried(house.shop(sender=sender, **settings), "aws", number)


CARRIAGES: dict[str, Carriage] = {
    "text_em_all": by_text_em_all,
    "twilio": by_twilio,
    "aws": by_aws,
}


def share_clock(house: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the platforms' clock by the world's: who is asked what it took is asked by time."""
    clock = SimpleNamespace(now=lambda _: house.clock.now())
    monkeypatch.setattr("sandbox.clock.datetime", clock)


# --- AWS's SDK and topic ---------------------------------------------------------------------


def inbound(carried: Carried, sender: str, text: str, event_id: str = "") -> dict[str, Any]:
    """Return a text of a handset as AWS's topic tells of it."""
    return {
        "originationNumber": sender,
        "destinationNumber": carried.sends_from,
        "messageKeyword": f"KEYWORD_{carried.sends_from.removeprefix('+')}",
        "messageBody": text,
        "inboundMessageId": event_id or new_number(),
        "previousPublishedMessageId": "",
    }


def deliver(body: dict[str, Any]) -> None:
    """Deliver one message of AWS's topic."""
    from functions.webhooks.receive_sms import lambda_handler

    answer = lambda_handler(sqs_event([body]), LambdaContext())
    assert answer["batchItemFailures"] == []


def _sandbox_sdk(house: World) -> Any:
    """Return the product's own SDK client, its requests answered by the sandbox."""
    from botocore.awsrequest import AWSResponse

    _client_for.cache_clear()
    client = _client_for("us-east-1")
    _client_for.cache_clear()

    def answer(request: Any, **_: Any) -> AWSResponse:
        headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        got = house.sandbox.call("POST", request.url, content=request.body, headers=headers)
        return AWSResponse(request.url, got.status_code, dict(got.headers), _Raw(got.content))

    client.meta.events.register_first("before-send", answer)
    return client


class _Raw:
    """What botocore reads a body from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content
