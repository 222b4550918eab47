"""Twilio's webhooks: inbound texts and status callbacks, both signed forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from concord.domain.events import (
    DeliveryReceipt,
    DeliveryStatus,
    InboundText,
    ParsedWebhook,
    RawRequest,
    SecretValue,
    UnparseableError,
    WebhookAnswer,
)
from concord.platforms.checked import MAX_ID, Fields, safe_type
from concord.platforms.failures import failure_of
from concord.platforms.twilio import signature
from concord.platforms.twilio.codes import FAILURES
from concord.platforms.twilio.form import is_form, read_form

STATUSES: Final = {
    "accepted": DeliveryStatus.ACCEPTED,
    "scheduled": DeliveryStatus.ACCEPTED,
    "queued": DeliveryStatus.ACCEPTED,
    "sending": DeliveryStatus.ACCEPTED,
    "sent": DeliveryStatus.SENT,
    "partially_delivered": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "undelivered": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}
CARRIER_KEYWORDS: Final = {"STOP": "stop", "START": "start", "HELP": "help"}
# The query parameter that `client.py` adds to the StatusCallback URL.
REFERENCE: Final = "ref"


class TwilioWebhook:
    """WebhookAdapter for Twilio."""

    success = WebhookAnswer(200, "text/xml", "<Response/>")
    signs_url = True

    def verify(
        self,
        request: RawRequest,
        secrets: Sequence[SecretValue],
        credentials: Mapping[str, str],
    ) -> bool:
        """Whether the account's auth token signed it; the secondary one counts in a rotation.

        Our own webhook secrets play no part: Twilio signs with the account's auth token only.
        """
        tokens = [credentials.get(name, "") for name in ("auth_token", "secondary_auth_token")]
        return signature.verify(request, tokens)

    def unsigned(self, request: RawRequest) -> bool:
        """Never: Twilio signs everything, so no setting of ours can do without."""
        return False

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook:
        """Return the one event of this form. Raises UnparseableError."""
        if not is_form(request):
            raise UnparseableError("the body is not a form")
        form = Fields(dict(read_form(request.body)))
        sid = form.optional("MessageSid", MAX_ID) or form.text("SmsSid", MAX_ID)
        kind = _kind(form)
        read = EVENTS.get(kind)
        if read is None:
            return ParsedWebhook(event_id=sid, unknown_type=safe_type(kind))
        return read(form, sid, request)


def _kind(form: Fields) -> str:
    # Only status callbacks have MessageStatus; SmsStatus stands in both.
    if form.optional("MessageStatus", MAX_ID) is not None:
        return "status"
    return "inbound" if form.raw("Body") is not None else "unnamed"


def _inbound(form: Fields, sid: str, request: RawRequest) -> ParsedWebhook:
    keyword = form.optional("OptOutType", MAX_ID)
    event = InboundText(
        event_id=sid,
        sender=form.text("From", MAX_ID),
        to=form.text("To", MAX_ID),
        text=form.optional("Body") or "",
        carrier_keyword=CARRIER_KEYWORDS.get(keyword.upper()) if keyword else None,
    )
    return _one(event)


def _status(form: Fields, sid: str, request: RawRequest) -> ParsedWebhook:
    word = form.text("MessageStatus", MAX_ID).lower()
    # A text passes through several states, so the state is part of what makes an event the same.
    event_id = f"{sid}:{safe_type(word)}"
    status = STATUSES.get(word)
    if status is None:
        return ParsedWebhook(event_id=event_id, unknown_type=f"status.{safe_type(word)}")
    code = form.optional("ErrorCode", MAX_ID)
    event = DeliveryReceipt(
        event_id=event_id,
        status=status,
        reference=Fields(dict(request.query)).optional(REFERENCE, MAX_ID),
        message_id=sid,
        code=code,
        to=form.optional("To", MAX_ID),
        failure=failure_of(status, code, FAILURES),
    )
    return _one(event)


def _one(event: InboundText | DeliveryReceipt) -> ParsedWebhook:
    return ParsedWebhook((event,), event.event_id)


type _Reader = Callable[[Fields, str, RawRequest], ParsedWebhook]
EVENTS: Final[Mapping[str, _Reader]] = {"inbound": _inbound, "status": _status}

WEBHOOK: Final = TwilioWebhook()
