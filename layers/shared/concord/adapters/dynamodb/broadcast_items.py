"""A broadcast as an item: what changes together is one JSON text; what conditions and counters
need stands beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from concord.adapters.dynamodb.marshal import Item
from concord.domain.broadcast import Broadcast, BroadcastState, Frozen
from concord.domain.times import from_rfc3339, to_rfc3339

# They stand beside the body: `open_chunks` is changed by ADD alone, in the transactions that insert
# or close a chunk, and is never put.
_BESIDE: Final = ("state", "version", "open_chunks")
_TIMES: Final = ("created_at", "send_at", "started_at", "finished_at")


def broadcast_item(broadcast: Broadcast) -> Item:
    """Return the attributes of a broadcast, `open_chunks` left out."""
    return {
        "body": _body(broadcast),
        "state": broadcast.state.value,
        "version": broadcast.version,
    }


def broadcast_from(item: Item) -> Broadcast:
    """Return the broadcast that an item holds."""
    body: dict[str, Any] = json.loads(item["body"])
    body |= {name: _time(body[name]) for name in _TIMES}
    body["group_ids"] = tuple(body["group_ids"])
    if frozen := body["frozen"]:
        body["frozen"] = Frozen(**frozen | {"taken_at": from_rfc3339(frozen["taken_at"])})
    return Broadcast(
        **body,
        state=BroadcastState(item["state"]),
        version=item["version"],
        open_chunks=item.get("open_chunks", 0),
    )


def _body(broadcast: Broadcast) -> str:
    held = {name: each for name, each in asdict(broadcast).items() if name not in _BESIDE}
    return json.dumps(held, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return to_rfc3339(value)
    raise TypeError(f"a broadcast holds no {type(value).__name__}")


def _time(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None
