"""Delivery events of a text (sms-voice user guide, "configuration-sets-event-format")."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.accounts import ReceiptOptions
from sandbox.clock import now
from sandbox.handsets import Text


@dataclass(frozen=True, slots=True)
class Sent:
    """A text as it was sent, `params` being the request's."""

    message_id: str
    own: str
    to: str
    params: dict[str, Any]
    text: Text

    def events(self, options: ReceiptOptions) -> list[dict[str, Any]]:
        """Return what is told of it, in order; a failing number is named with its event type."""
        failure = "TEXT_BLOCKED" if self.text.withdrawn else options.fail_numbers.get(self.to)
        kinds = [failure] if failure else ["TEXT_SUCCESSFUL", "TEXT_DELIVERED"]
        return [self._event(kind) for kind in kinds]

    def _event(self, kind: str) -> dict[str, Any]:
        status = kind.removeprefix("TEXT_")
        return {
            "eventType": kind,
            "eventVersion": "1.0",
            "eventTimestamp": _milliseconds(now()),
            "isFinal": kind != "TEXT_SUCCESSFUL",
            "originationPhoneNumber": self.own,
            "destinationPhoneNumber": self.to,
            "isoCountryCode": "US",
            "messageId": self.message_id,
            "messageRequestTimestamp": _milliseconds(self.text.at),
            "messageEncoding": "GSM",
            "messageType": self.params.get("MessageType", "TRANSACTIONAL"),
            "messageStatus": status,
            "messageStatusDescription": f"Message is {status.lower().replace('_', ' ')}",
            "context": self.params.get("Context", {}),
            "totalMessageParts": 1,
        }


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
