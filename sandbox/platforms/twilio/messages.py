"""Twilio's Message resource: creation rules, representation, list filters."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

from sandbox.accounts import Account
from sandbox.clock import now
from sandbox.handsets import Text
from sandbox.phones import is_e164

API_VERSION = "2010-04-01"
# Every documented parameter of POST Messages.json; another name is refused.
PARAMETERS = frozenset(
    {
        "To",
        "From",
        "MessagingServiceSid",
        "Body",
        "MediaUrl",
        "ContentSid",
        "ContentVariables",
        "StatusCallback",
        "ApplicationSid",
        "MaxPrice",
        "ProvideFeedback",
        "Attempt",
        "ValidityPeriod",
        "ForceDelivery",
        "ContentRetention",
        "AddressRetention",
        "SmartEncoded",
        "PersistentAction",
        "TrafficType",
        "ShortenUrls",
        "ScheduleType",
        "SendAt",
        "SendAsMms",
        "RiskCheck",
    }
)
_MAX_BODY = 1600
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
# Escape is not a character; the second line takes two places each.
_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")


class TwilioError(Exception):
    """An error with Twilio's number."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


@dataclass(slots=True)
class Message:
    account_id: str
    sender: str
    to: str
    body: str
    service: str | None
    callback: str | None
    direction: str = "outbound-api"
    status: str = "queued"
    sid: str = field(default_factory=lambda: f"SM{secrets.token_hex(16)}")
    created: datetime = field(default_factory=now)
    text: Text | None = None
    error_code: int | None = None

    @property
    def sent(self) -> datetime | None:
        """Return when it left; None while it is queued."""
        return self.text.at if self.text and self.text.at <= now() else None

    @property
    def uri(self) -> str:
        return f"/{API_VERSION}/Accounts/{self.account_id}/Messages/{self.sid}"

    def view(self) -> dict[str, Any]:
        """Return the documented representation."""
        return {
            "sid": self.sid,
            "account_sid": self.account_id,
            "messaging_service_sid": self.service,
            "from": self.sender,
            "to": self.to,
            "body": self.body,
            "num_segments": str(segments(self.body)),
            "num_media": "0",
            "direction": self.direction,
            "status": self.status,
            "error_code": self.error_code,
            "error_message": None,
            "price": None,
            "price_unit": "USD",
            "api_version": API_VERSION,
            "date_created": _rfc2822(self.created),
            "date_updated": _rfc2822(self.sent or self.created),
            "date_sent": _rfc2822(self.sent),
            "uri": f"{self.uri}.json",
            "subresource_uris": {"media": f"{self.uri}/Media.json"},
        }


def new_message(account: Account, form: dict[str, str]) -> Message:
    """Check the parameters of a send in Twilio's order, or raise TwilioError."""
    if set(form) - PARAMETERS:
        raise TwilioError(400, 20001, "Unknown parameters")
    to, body, service = form.get("To", ""), form.get("Body", ""), form.get("MessagingServiceSid")
    if not to:
        raise TwilioError(400, 21604, "A 'To' phone number is required.")
    if not is_e164(to):
        raise TwilioError(400, 21211, "The 'To' number is not a valid phone number.")
    sender = _sender(account, form.get("From"), service)
    if not body:
        raise TwilioError(400, 21602, "Message body is required.")
    if len(body) > _MAX_BODY:
        raise TwilioError(400, 21617, "The message body exceeds the 1600 character limit.")
    return Message(account.account_id, sender, to, body, service, form.get("StatusCallback"))


def _sender(account: Account, sender: str | None, service: str | None) -> str:
    if sender:
        if sender not in account.text_numbers:
            raise TwilioError(400, 21606, "The 'From' number is not one of this account.")
        return sender
    if not service:
        raise TwilioError(400, 21603, "A 'From' phone number is required.")
    if not _SERVICE.fullmatch(service) or not account.text_numbers:
        raise TwilioError(400, 21703, "The Messaging Service does not contain a phone number.")
    return account.text_numbers[0]


def segments(body: str) -> int:
    """Return how many segments a text takes."""
    if set(body) <= _GSM_BASIC | _GSM_EXTENDED:
        length = len(body) + sum(character in _GSM_EXTENDED for character in body)
        single, several = 160, 153
    else:
        length = len(body.encode("utf-16-be")) // 2
        single, several = 70, 67
    return 1 if length <= single else -(-length // several)


def select(messages: list[Message], query: list[tuple[str, str]]) -> list[Message]:
    """Apply `To`, `From` and `DateSent` (also with `>` or `<`, inclusive), newest first."""
    kept = list(reversed(messages))
    for name, value in query:
        if name == "To":
            kept = [message for message in kept if message.to == value]
        elif name == "From":
            kept = [message for message in kept if message.sender == value]
        elif name.startswith("DateSent"):
            first, last = _window(name, value)
            kept = [
                message
                for message in kept
                if message.sent
                and (not first or message.sent >= first)
                and (not last or message.sent < last)
            ]
        elif name not in {"Page", "PageSize", "PageToken"}:
            raise TwilioError(400, 20001, "Unknown parameters")
    return kept


def _window(name: str, value: str) -> tuple[datetime | None, datetime | None]:
    """Return the half-open interval of a DateSent filter; a bare date means its whole UTC day."""
    try:
        if len(value) == len("2026-01-31"):
            first = datetime.combine(date.fromisoformat(value), time.min, UTC)
            last = first + timedelta(days=1)
        else:
            first = datetime.fromisoformat(value)
            first = first if first.tzinfo else first.replace(tzinfo=UTC)
            last = first + timedelta(seconds=1)
    except ValueError:
        raise TwilioError(400, 20001, "DateSent is not a date") from None
    if name == "DateSent>":
        return first, None
    if name == "DateSent<":
        return None, last
    return first, last


def _rfc2822(at: datetime | None) -> str | None:
    return format_datetime(at) if at else None
