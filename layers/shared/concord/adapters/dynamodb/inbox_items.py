"""A kept body as an item: written by the consent transaction, read by operators."""

from __future__ import annotations

from typing import Any

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import put
from concord.domain.events import RawRequest
from concord.domain.inbox import InboxEntry, InboxState, RequestKind
from concord.domain.limits import BODIES_KEPT
from concord.domain.times import from_rfc3339, to_rfc3339


def put_entry(entry: InboxEntry) -> dict[str, Any]:
    """Return the put of one body. Its id is random, so nothing can be overwritten."""
    return put(keys.inbox(entry.merchant_id, entry.inbox_id), entry_item(entry))


def entry_item(entry: InboxEntry) -> Item:
    """Return the attributes of a kept body."""
    kept_until = keys.inbox_time(entry.inbox_id) + BODIES_KEPT
    request = entry.request
    return {
        "merchant_id": entry.merchant_id,
        "connection_id": entry.connection_id,
        "inbox_id": entry.inbox_id,
        "platform": entry.platform,
        "topic": entry.topic,
        "kind": entry.kind.value,
        "state": entry.state.value,
        "error": entry.error,
        "replays": entry.replays,
        "method": request.method,
        "headers": dict(request.headers),
        "body": request.body,
        "received_at": to_rfc3339(request.received_at),
        "url": request.url,
        "query": [list(pair) for pair in request.query],
        "source_ip": request.source_ip,
        "expires_at": int(kept_until.timestamp()),
    }


def entry_from(item: Item) -> InboxEntry:
    """Return the body that an item holds."""
    return InboxEntry(
        merchant_id=item["merchant_id"],
        connection_id=item["connection_id"],
        inbox_id=item["inbox_id"],
        platform=item["platform"],
        topic=item["topic"],
        kind=RequestKind(item["kind"]),
        state=InboxState(item["state"]),
        error=item["error"],
        replays=item["replays"],
        request=RawRequest(
            method=item["method"],
            headers=item["headers"],
            body=item["body"],
            received_at=from_rfc3339(item["received_at"]),
            url=item["url"],
            query=tuple((name, value) for name, value in item["query"]),
            source_ip=item["source_ip"],
        ),
    )
