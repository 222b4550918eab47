"""Text-Em-All's webhook: our neutral shape, because they publish none (docs/PLAN.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from concord.domain.events import DeliveryReceipt, DeliveryStatus, InboundText, UnparseableError
from concord.platforms.checked import MAX_ID, Fields, digits_to_e164
from concord.platforms.failures import failure_of
from concord.platforms.neutral import NeutralWebhook, Parser
from concord.platforms.text_em_all.codes import FAILURES

STATUSES: Final = {
    "accepted": DeliveryStatus.ACCEPTED,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "failed": DeliveryStatus.FAILED,
}


def _inbound_text(fields: Fields, event_id: str) -> InboundText:
    return InboundText(
        event_id=event_id,
        sender=digits_to_e164(fields.text("from", MAX_ID)),
        to=digits_to_e164(fields.text("to", MAX_ID)),
        # An empty text is a text: a picture alone has none.
        text=fields.optional("text") or "",
        occurred_at=fields.time("at"),
    )


def _delivery(fields: Fields, event_id: str) -> DeliveryReceipt | None:
    word = fields.word("status")
    if word is None:
        raise UnparseableError("field 'status' is missing")
    status = STATUSES.get(word.lower())
    if status is None:
        return None
    to = fields.optional("to", MAX_ID)
    return DeliveryReceipt(
        event_id=event_id,
        status=status,
        reference=fields.optional("reference", MAX_ID),
        message_id=fields.optional("message_id", MAX_ID),
        code=fields.optional("code", MAX_ID),
        occurred_at=fields.time("at"),
        to=digits_to_e164(to) if to else None,
        failure=failure_of(status, fields.word("code"), FAILURES),
    )


EVENTS: Final[Mapping[str, Parser]] = {"inbound_text": _inbound_text, "delivery": _delivery}
IGNORED: Final[frozenset[str]] = frozenset()

WEBHOOK: Final = NeutralWebhook(EVENTS, IGNORED)
