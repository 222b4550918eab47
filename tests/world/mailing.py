"""A broadcast that was handed over already, row by row, and the platform that tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from concord.adapters.dynamodb import broadcast_keys as keys
from concord.adapters.dynamodb.chunk_items import chunk_item, new_tally, tally_item
from concord.adapters.dynamodb.slice_items import slice_item
from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.chunks import (
    Chunk,
    ChunkKey,
    Decided,
    Outcome,
    Slice,
    SliceState,
    slice_reference,
)
from concord.domain.identity import Channel, point_id
from concord.domain.receipts import SliceReceipts
from tests.world.sending import header, opted_in, planned
from tests.world.shop import Shop, new_number
from tests.world.signing import signed, signed_inbound

BROADCAST = "20261122t090000-0a1b2c3d"
_NEIGHBOURS = 4


@dataclass
class Mailing:
    """One slice in the middle of a chunk, to numbers that have opted in; `numbers` by place."""

    shop: Shop
    key: ChunkKey
    number: int
    numbers: list[str]

    def reference(self, place: int | None = None) -> str:
        """Return what the platform brings back: of the bulk call, or of one text of it."""
        return slice_reference(self.key, self.number, place)

    # --- what the platform tells -------------------------------------------------------------

    def request(
        self, status: str, place: int, *, bulk: bool = False, code: str = "", **more: Any
    ) -> tuple[str, bytes, dict[str, str]]:
        """Return path, body and headers of a signed receipt."""
        shop, at = self.shop, self.shop.world.clock.now()
        event_id = f"dl-{self.key.chunk}-{place}-{status}-{at.timestamp()}"
        body = json.dumps(
            {
                "type": "delivery",
                "id": event_id,
                "reference": self.reference(None if bulk else place),
                "status": status,
                "to": self.numbers[place],
                "code": code,
                **more,
            }
        )
        path = shop.webhooks["text_em_all"].split("/test", 1)[1]
        return path, body.encode(), signed(shop.webhook_secret, body, event_id, at)

    def tells(self, status: str, place: int, **more: Any) -> int:
        """Deliver a receipt; return the status of our answer."""
        answer = self.shop.world.receive(*self.request(status, place, **more))
        return int(answer["statusCode"])

    # --- what came of it ---------------------------------------------------------------------

    def told(self) -> dict[int, tuple[str, str]]:
        """Return what is kept of each place: status, and the code of a failure."""
        kept = self.shop.world.parts.receipts.get(self.key, self.number)
        kept = kept or SliceReceipts(self.key, self.number)
        return {place: (told.status.value, told.code) for place, told in kept.told.items()}

    def outcomes(self) -> list[str]:
        """Return the outcome of each recipient."""
        part = self.shop.world.parts.chunks.slice(self.key, self.number)
        assert part is not None
        return [decided.outcome.value for decided in part.decided]

    def claims(self) -> None:
        """Write the claim of a slice that begins with its chunk."""
        pending = tuple(Decided(Outcome.PENDING) for _ in self.numbers)
        now = self.shop.world.clock.now()
        self._put(Slice(self.key, self.number, 0, SliceState.CLAIMED, now, pending))

    def ends(self, outcome: Outcome) -> None:
        """Write what the worker made of the slice."""
        part = self.shop.world.parts.chunks.slice(self.key, self.number)
        assert part is not None
        decided = tuple(replace(each, outcome=outcome) for each in part.decided)
        self._put(replace(part, state=SliceState.DONE, decided=decided))

    def _put(self, part: Slice) -> None:
        row = keys.slice_row(part.key, part.number)
        self.shop.world.parts.table.put(row, slice_item(part))


def handed_over(
    shop: Shop,
    size: int = 3,
    *,
    chunk: str = "000001",
    number: int = 2,
    outcome: Outcome | None = Outcome.SENT,
    joined: bool = True,
) -> Mailing:
    """Return a slice that was claimed, and ended with `outcome` unless that is None; `joined` = its
    numbers are known."""
    parts = shop.world.parts
    connection = parts.connections.get(shop.connection_id)
    assert connection is not None
    secret = parts.authenticator.with_secrets(connection).secrets.stack_key
    # The slice's neighbours are of another one: its first recipient is not the chunk's.
    everybody = [new_number() for _ in range(size + _NEIGHBOURS)]
    ids = {point_id(secret, shop.merchant_id, Channel.SMS, each): each for each in everybody}
    points = tuple(sorted(ids))
    key = ChunkKey(shop.merchant_id, shop.connection_id, BROADCAST, chunk)
    whole = Chunk(key, points)
    parts.table.put(keys.chunk(key), chunk_item(whole))
    counts = {outcome.value: size} if outcome else {}
    tally = replace(new_tally(whole), counts=counts)
    parts.table.put(keys.tally(key), tally_item(tally))
    made = Mailing(shop, key, number, [ids[point] for point in points[_NEIGHBOURS:]])
    for each in made.numbers if joined else ():
        person_texts(shop, each, "JOIN")
    pending = tuple(Decided(Outcome.PENDING) for _ in made.numbers)
    now = shop.world.clock.now()
    made._put(Slice(key, number, _NEIGHBOURS, SliceState.CLAIMED, now, pending))
    if outcome is not None:
        made.ends(outcome)
    return made


def claimed(shop: Shop) -> tuple[Mailing, Broadcast]:
    """Return a broadcast to three whose one slice is claimed, and its worker gone."""
    numbers = opted_in(shop, 3)
    broadcast = planned(shop, numbers)
    key = ChunkKey(shop.merchant_id, shop.connection_id, broadcast.broadcast_id, "000001")
    mailing = Mailing(shop, key, 0, numbers)
    mailing.claims()
    return mailing, broadcast


def over(shop: Shop) -> tuple[Mailing, Broadcast]:
    """Return a broadcast that has ended with nobody knowing whether three were texted."""
    mailing, broadcast = claimed(shop)
    mailing.ends(Outcome.UNCERTAIN)
    shop.world.pump()
    ended = header(shop, broadcast)
    assert (ended.state, dict(ended.report)) == (BroadcastState.FINISHED, {"uncertain": 3})
    return mailing, broadcast


def person_texts(shop: Shop, number: str, words: str) -> None:
    """Let a handset text at the clock of the world."""
    at = shop.world.clock.now()
    body, headers = signed_inbound(shop.webhook_secret, number, shop.text_number, words, at=at)
    path = shop.webhooks["text_em_all"].split("/test", 1)[1]
    assert shop.world.receive(path, body, headers)["statusCode"] == 204
