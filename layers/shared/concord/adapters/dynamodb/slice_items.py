"""A slice as an item: what was decided for each recipient, in a few bytes (L-02).

Neighbours are decided alike, so each different ruling is spelled once, and recipients name its
place. The canonical JSON of that is compressed; what stays is mostly the numbers of evidence.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final

from concord.adapters.dynamodb.marshal import Item
from concord.domain.canonical import canonical
from concord.domain.chunks import ChunkKey, Decided, Outcome, Slice, SliceState
from concord.domain.times import from_rfc3339, to_rfc3339

_LEVEL: Final = 9
_SLICE: Final = "S#"


def slice_item(part: Slice) -> Item:
    """Return the attributes of a slice: `decided` packed, the rest as it is."""
    return {
        "first": part.first,
        "state": part.state.value,
        "claimed_at": to_rfc3339(part.claimed_at),
        "owner": part.owner,
        "via": part.via,
        "message_id": part.message_id or None,
        "asked_at": to_rfc3339(part.asked_at) if part.asked_at else None,
        "decided": pack(part.decided),
    }


def slice_from(key: ChunkKey, item: Item) -> Slice:
    """Return the slice that an item holds."""
    return Slice(
        key=key,
        number=int(item["sk"].removeprefix(_SLICE)),
        first=item["first"],
        state=SliceState(item["state"]),
        claimed_at=from_rfc3339(item["claimed_at"]),
        decided=unpack(item["decided"]),
        owner=item["owner"],
        via=item["via"],
        message_id=item.get("message_id", ""),
        asked_at=from_rfc3339(item["asked_at"]) if "asked_at" in item else None,
    )


def pack(decided: Sequence[Decided]) -> bytes:
    """Return decisions as bytes: `t` the rulings, `i` whose is which, `q` evidence, `m` messages.

    `m` is left out where no recipient has a message of her own (a bulk call).
    """
    rulings: dict[str, int] = {}
    places = [rulings.setdefault(_ruling(each), len(rulings)) for each in decided]
    packed: dict[str, Any] = {
        "t": [json.loads(ruling) for ruling in rulings],
        "i": places,
        "q": [each.consent_seq for each in decided],
    }
    if any(each.message_id for each in decided):
        packed["m"] = [each.message_id for each in decided]
    return zlib.compress(canonical(packed), _LEVEL)


def unpack(packed: bytes) -> tuple[Decided, ...]:
    """Return the decisions of `pack`."""
    data = json.loads(zlib.decompress(packed))
    messages: list[str] = data.get("m") or [""] * len(data["i"])
    return tuple(
        _decided(data["t"][place], seq, message)
        for place, seq, message in zip(data["i"], data["q"], messages, strict=True)
    )


def _ruling(each: Decided) -> str:
    until = to_rfc3339(each.until) if each.until else None
    ruling = [each.outcome.value, each.reason, list(each.rules), list(each.local), until]
    return canonical(ruling).decode()


def _decided(ruling: Sequence[Any], seq: int, message_id: str) -> Decided:
    outcome, reason, rules, local, until = ruling
    return Decided(
        outcome=Outcome(outcome),
        reason=reason,
        consent_seq=seq,
        rules=tuple(rules),
        local=tuple(local),
        until=from_rfc3339(until) if until else None,
        message_id=message_id,
    )
