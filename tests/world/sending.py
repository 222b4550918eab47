"""A broadcast of a shop, planned and ready to be handed over by the real handlers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from concord.domain.audit import AuditEntry
from concord.domain.broadcast import Broadcast, BroadcastState, Frozen
from concord.domain.chunks import Chunk, ChunkKey
from concord.domain.consent import Signal, decide
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import GENESIS, ConsentKey, next_evidence
from concord.domain.identity import Channel, point_id
from concord.domain.marks import Marks
from concord.domain.profiles import SignalKind
from concord.ports import ConsentCommit
from tests.world.shop import Shop
from tests.world.world import World

TEXT = "Peaches today. Reply STOP to end"
_numbers = itertools.count(2_000_000)
_tokens = itertools.count(1)
_SALT = b"s" * 16


def morning(house: World) -> None:
    """Let it be a Monday, eleven in New York: texts are legal."""
    now = house.clock.now()
    monday = now.replace(hour=16, minute=0, second=0, microsecond=0)
    while monday <= now or monday.weekday():
        monday += timedelta(days=1)
    house.clock.advance(monday - now)


def opted_in(shop: Shop, count: int) -> list[str]:
    """Return new numbers of New York that have opted in, by their place in a chunk of them: states
    alone, nobody is told."""
    parts = shop.world.parts
    connection = parts.connections.get(shop.connection_id)
    assert connection is not None
    now, key = shop.world.clock.now(), parts.secrets.stack_key()
    numbers = [f"+1212{next(_numbers):07d}" for _ in range(count)]
    signal = Signal(SignalKind.JOIN, effective_at=now, received_at=now, via="handset")
    decision = decide(Marks(), signal, connection.profile(Channel.SMS))
    points = {point_id(key, shop.merchant_id, Channel.SMS, number): number for number in numbers}
    for point, number in sorted(points.items()):
        consent = ConsentKey(shop.merchant_id, connection.account, Channel.SMS, point)
        evidence = next_evidence(
            consent,
            seq=1,
            prev=GENESIS,
            signal=signal,
            decision=decision,
            recorded_at=now,
            salt=_SALT,
        )
        record = ConsentRecord(
            consent, shop.connection_id, number, 1, decision.marks, evidence.hash, now
        )
        parts.store.commit(ConsentCommit(record, 0, evidence))
    return [number for _, number in sorted(points.items())]


def planned(
    shop: Shop,
    numbers: Sequence[str],
    *,
    bulk: bool = True,
    slice_size: int = 10,
    rate: float = 1000.0,
    regions: Mapping[int, str] | None = None,
) -> Broadcast:
    """Return a broadcast to these numbers that is being sent: one chunk of it, and its task."""
    parts, now = shop.world.parts, shop.world.clock.now()
    key = parts.secrets.stack_key()
    points = sorted(point_id(key, shop.merchant_id, Channel.SMS, number) for number in numbers)
    broadcast = Broadcast(
        broadcast_id=f"{now:%Y%m%dt%H%M%S}-{next(_tokens):08x}",
        merchant_id=shop.merchant_id,
        connection_id=shop.connection_id,
        name="Peaches",
        group_ids=("g1",),
        text="Peaches today.",
        state=BroadcastState.PLANNING,
        created_at=now,
        audience=len(points),
        frozen=Frozen("s1", now, TEXT, 1, rate, slice_size, bulk),
    )
    audit = AuditEntry(shop.merchant_id, shop.connection_id, now, "test", "made", {})
    parts.broadcasts.create(broadcast, audit)
    chunk = ChunkKey(shop.merchant_id, shop.connection_id, broadcast.broadcast_id, "000001")
    assert parts.broadcasts.add_chunk(broadcast, Chunk(chunk, tuple(points), regions or {}), now)
    sending = replace(broadcast, state=BroadcastState.SENDING, planned=True, version=2)
    assert parts.broadcasts.update(sending, now)
    return sending


def task_of(broadcast: Broadcast, chunk: str = "000001") -> dict[str, str]:
    """Return the key of a chunk's task."""
    names = (broadcast.merchant_id, "send_chunk", broadcast.connection_id)
    return {"pk": f"TS#{'#'.join(names)}#{broadcast.broadcast_id}.{chunk}", "sk": "TASK"}


def header(shop: Shop, broadcast: Broadcast) -> Broadcast:
    """Return a broadcast as it is now."""
    found = shop.world.parts.broadcasts.get(broadcast.connection_id, broadcast.broadcast_id)
    assert found is not None
    return found


def texted(shop: Shop, numbers: Sequence[str]) -> list[int]:
    """Return how often each number got the text."""
    return [shop.inbox_of(number).count(TEXT) for number in numbers]


def slices(shop: Shop, broadcast: Broadcast) -> list[Any]:
    """Return everything that was claimed of a broadcast."""
    chunks = shop.world.parts.chunks
    names = (broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id)
    return [part for tally in chunks.tallies(*names) for part in chunks.slices(tally.key)]
