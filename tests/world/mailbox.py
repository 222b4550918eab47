"""What SES took from us: an identity it has verified, and the mails that arrived there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import httpx
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.backends import get_backend

from tests.world.exporting import Exporting
from tests.world.faults import Killed, Request
from tests.world.world import ACCOUNT, MAIL_IDENTITY

SENDER = f"points@{MAIL_IDENTITY}"
REPLY_TO = "hello@shop.example"


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that SES took."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str

    @property
    def label(self) -> str:
        """Return the label of the event that the platform would have been told."""
        words = {"PIN": "pin", "expire": "expiry", "changed": "credit"}
        return next(label for word, label in words.items() if word in self.subject)


def verify(identity: str = MAIL_IDENTITY) -> None:
    """Have SES verify the identity that the stack sends from."""
    boto3.client("sesv2").create_email_identity(EmailIdentity=identity)


def mailed() -> list[Mailed]:
    """Return what arrived, oldest first."""
    backend = get_backend("ses")[ACCOUNT]["us-east-1"]
    return [
        Mailed(each.source, tuple(each.destinations["ToAddresses"]), each.subject, each.body)
        for each in backend.sent_messages
    ]


def switch(shop: Exporting, mails: str) -> None:
    """Say who mails this connection's customers, and let every cache learn of it."""
    change: dict[str, Any] = {"mails": mails, "mail_from": SENDER, "mail_reply_to": REPLY_TO}
    answer = shop.admin("PATCH", "", change)
    assert answer["statusCode"] == 200, answer
    shop.world.cold()


def failures(shop: Exporting) -> list[dict[str, Any]]:
    """Return what was parked for an operator, newest first."""
    return list(shop.world.body(shop.admin("GET", "/failures"))["items"])


# --- what may happen to a telling -----------------------------------------------------------------


def tells(request: Request) -> bool:
    """Whether this request tells a customer, by whichever of the two."""
    return request.name.endswith("/tracker/events") or request.name == "sesv2.SendEmail"


def lost(request: Request, died: bool) -> BaseException:
    """Return what breaks the way back of a telling: the worker's end, or a read without answer."""
    if died:
        return Killed(request.name)
    if request.name.startswith("sesv2"):
        hanging: BaseException = ReadTimeoutError(endpoint_url="http://hanging")
        return hanging
    return httpx.ReadTimeout("no answer")


def refused(request: Request) -> BaseException:
    """Return what keeps a telling from arriving: nobody is there to connect to."""
    if request.name.startswith("sesv2"):
        away: BaseException = EndpointConnectionError(endpoint_url="http://away")
        return away
    return httpx.ConnectError("refused")
