"""What AWS publishes to our SNS topic: two-way texts and delivery events (raw delivery, one each).

Sources: sms-voice user guide, "two-way-sms-payload" and "configuration-sets-event-format".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from concord.domain.events import (
    DeliveryReceipt,
    DeliveryStatus,
    InboundText,
    ParsedWebhook,
)
from concord.platforms.aws_messaging.codes import FAILURES
from concord.platforms.checked import MAX_ID, Fields, name_map, safe_type
from concord.platforms.failures import failure_of

STATUSES: Final = {
    "TEXT_PENDING": DeliveryStatus.ACCEPTED,
    "TEXT_QUEUED": DeliveryStatus.ACCEPTED,
    "TEXT_SENT": DeliveryStatus.SENT,
    # Accepted by the carrier. Where carriers report no more than this, it stays the last word.
    "TEXT_SUCCESSFUL": DeliveryStatus.SENT,
    "TEXT_DELIVERED": DeliveryStatus.DELIVERED,
    "TEXT_INVALID": DeliveryStatus.FAILED,
    "TEXT_INVALID_MESSAGE": DeliveryStatus.FAILED,
    "TEXT_UNREACHABLE": DeliveryStatus.FAILED,
    "TEXT_CARRIER_UNREACHABLE": DeliveryStatus.FAILED,
    "TEXT_BLOCKED": DeliveryStatus.FAILED,
    "TEXT_CARRIER_BLOCKED": DeliveryStatus.FAILED,
    "TEXT_SPAM": DeliveryStatus.FAILED,
    "TEXT_TTL_EXPIRED": DeliveryStatus.FAILED,
    "TEXT_PROTECT_BLOCKED": DeliveryStatus.FAILED,
}
# Known and dropped: after 72 h without a word from the carrier, AWS says that it does not know.
IGNORED: Final = frozenset({"TEXT_UNKNOWN"})
# The key of the send's Context that holds our reference.
REFERENCE: Final = "reference"


def parse_sms(fields: Fields) -> InboundText:
    """Return a two-way message as an event. Raises UnparseableError.

    `messageKeyword` is not used: it is the number's registered keyword, not what AWS did with it.
    """
    return InboundText(
        event_id=fields.text("inboundMessageId", MAX_ID),
        sender=fields.text("originationNumber", MAX_ID),
        to=fields.text("destinationNumber", MAX_ID),
        text=fields.optional("messageBody") or "",
    )


def parse_receipt(fields: Fields) -> DeliveryReceipt | None:
    """Return a delivery event; None for a type without a status. Raises UnparseableError."""
    kind = fields.text("eventType", MAX_ID)
    status = STATUSES.get(kind)
    if status is None:
        return None
    message_id = fields.text("messageId", MAX_ID)
    code = kind if status is DeliveryStatus.FAILED else None
    return DeliveryReceipt(
        event_id=f"{message_id}:{kind}",
        status=status,
        reference=fields.optional(f"context.{REFERENCE}", MAX_ID),
        message_id=message_id,
        code=code,
        occurred_at=fields.milliseconds("eventTimestamp"),
        to=fields.optional("destinationPhoneNumber", MAX_ID),
        failure=failure_of(status, code, FAILURES),
    )


def parse(message: Mapping[str, Any], settings: Mapping[str, Any]) -> ParsedWebhook:
    """Return whichever of the two this message is. Raises UnparseableError.

    `settings["fields"]` may give other names than the documented ones.
    """
    fields = Fields(message, name_map(settings, "fields"))
    kind = fields.optional("eventType", MAX_ID)
    event = EVENTS["two_way" if kind is None else "delivery"](fields)
    if event is not None:
        return ParsedWebhook((event,), event.event_id)
    event_id = f"{fields.optional('messageId', MAX_ID) or ''}:{safe_type(kind or '')}"
    unknown = None if kind in IGNORED else safe_type(kind or "")
    return ParsedWebhook(event_id=event_id, unknown_type=unknown)


EVENTS: Final[Mapping[str, Callable[[Fields], InboundText | DeliveryReceipt | None]]] = {
    "two_way": parse_sms,
    "delivery": parse_receipt,
}
