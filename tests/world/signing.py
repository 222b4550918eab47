"""Signs a neutral webhook body as Text-Em-All would, with the standardwebhooks library."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from standardwebhooks.webhooks import Webhook


def signed_inbound(
    secret: str,
    sender: str,
    to: str,
    text: str,
    event_id: str | None = None,
    at: datetime | None = None,
) -> tuple[bytes, dict[str, str]]:
    """Return the body of an inbound text and the three headers that prove it."""
    now = at or datetime.now(UTC)
    event_id = event_id or uuid4().hex
    payload = {
        "type": "inbound_text",
        "id": event_id,
        "from": sender,
        "to": to,
        "text": text,
        "at": now.isoformat(),
    }
    body = json.dumps(payload)
    return body.encode(), signed(secret, body, event_id, now)


def signed(secret: str, body: str, event_id: str, at: datetime) -> dict[str, str]:
    """Return Standard Webhooks headers for `body`."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body),
    }
