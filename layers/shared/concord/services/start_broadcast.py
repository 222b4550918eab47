"""What a broadcast is fixed to when it starts: its text, its sender's pace, its moment (TEA-10)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from concord.domain.broadcast import Broadcast, Frozen
from concord.domain.broadcast_body import whole_body
from concord.domain.chunks import CHUNK_SIZE, SMALL_SLICE
from concord.domain.connection import Connection
from concord.domain.segments import count_segments
from concord.ports import Platforms

# What is handed over at once is at most a minute of the sender's time: a STOP is never further
# behind than that (reliability 31).
_DEPTH_SECONDS: Final = 60


def freeze(
    broadcast: Broadcast, connection: Connection, platforms: Platforms, now: datetime
) -> Frozen:
    """Return what a broadcast that starts now is fixed to; a preview asks the same.

    A broadcast may ask for less than its sender's pace, never for more. Raises InvalidInputError:
    the text cannot be sent with what the law adds to it.
    """
    day = now.date()
    body = whole_body(broadcast.text, connection.country, connection.merchant_name, day)
    segments = count_segments(body).segments
    platform = connection.sender_platform
    ours = connection.settings.rate or platforms.rate(platform, segments)
    rate = min(ours, broadcast.rate or ours)
    bulk = platforms.takes_bulk(platform)
    most = CHUNK_SIZE if bulk else SMALL_SLICE
    depth = connection.settings.depth_seconds or _DEPTH_SECONDS
    return Frozen(
        snapshot_id=f"{broadcast.broadcast_id}.{now:%Y%m%dT%H%M%S%f}",
        taken_at=now,
        body=body,
        segments=segments,
        rate=rate,
        slice_size=max(1, min(most, int(rate * depth))),
        bulk=bulk,
    )
