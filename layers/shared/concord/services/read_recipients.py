"""List a broadcast's recipients, with what was decided for each and why (L-02)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from concord.domain.chunks import Chunk, Decided, Outcome, Tally
from concord.domain.connection import Connection
from concord.domain.errors import NotFoundError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel
from concord.domain.page import Page, read_cursor, write_cursor
from concord.domain.receipts import Told
from concord.domain.recipients import Placed, read_position, write_position
from concord.ports import Connections
from concord.ports.broadcasts import Broadcasts, Chunks, RecipientReads
from concord.services.change_connection import find_connection
from concord.services.read_receipts import ReadReceipts

# In another chunk now, which says what became of them.
_MOVED: Final = (Outcome.DEFERRED, Outcome.AGAIN)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient as operators see her. `point` is "" if nothing is stored of her any more."""

    placed: Placed
    point: str = field(repr=False)
    consent_event_id: str | None
    told: Told | None


class ReadRecipients:
    """Reads what the slices say: there is no item per recipient."""

    def __init__(
        self,
        *,
        connections: Connections,
        broadcasts: Broadcasts,
        chunks: Chunks,
        reads: RecipientReads,
        receipts: ReadReceipts,
    ) -> None:
        self._connections = connections
        self._broadcasts = broadcasts
        self._chunks = chunks
        self._reads = reads
        self._receipts = receipts

    def page(
        self,
        connection_id: str,
        broadcast_id: str,
        outcome: Outcome | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Recipient]:
        """Return a page of recipients, by chunk and place. Raises NotFoundError."""
        connection = find_connection(self._connections, connection_id)
        if self._broadcasts.get(connection_id, broadcast_id) is None:
            raise NotFoundError("no such broadcast")
        after = read_position(read_cursor(cursor) or "")
        taken: list[Placed] = []
        for placed in self._all(connection, broadcast_id, outcome, after):
            if len(taken) == limit:
                here = write_cursor(write_position(taken[-1].position))
                return Page(self._shown(connection, taken), here)
            taken.append(placed)
        return Page(self._shown(connection, taken))

    def placed(self, chunk: Chunk) -> Iterator[Placed]:
        """Yield everybody in a chunk, in order, whether or not a slice of hers was claimed."""
        seen = set()
        for part in self._chunks.slices(chunk.key):
            for at, decided in enumerate(part.decided):
                place = part.first + at
                seen.add(place)
                yield Placed(
                    chunk=chunk.key,
                    place=place,
                    point_id=chunk.points[place],
                    decided=decided,
                    slice_number=part.number,
                    place_in_slice=at,
                    decided_at=part.claimed_at,
                    message_id=decided.message_id or part.message_id,
                )
        for place, point in enumerate(chunk.points):
            if place not in seen:
                yield Placed(chunk.key, place, point, Decided(Outcome.PENDING))

    def _shown(self, connection: Connection, placed: Sequence[Placed]) -> tuple[Recipient, ...]:
        """Return recipients with their numbers and the evidence that was decided upon."""
        wanted = [
            (_consent_key(connection, each.point_id), each.decided.consent_seq) for each in placed
        ]
        known = self._reads.known(wanted)
        told = {key: self._receipts.of_chunk(key) for key in {each.chunk for each in placed}}
        return tuple(
            Recipient(
                each,
                known[each.point_id].point,
                known[each.point_id].event_id,
                told[each.chunk].get((each.slice_number, each.place_in_slice)),
            )
            for each in placed
        )

    def _all(
        self,
        connection: Connection,
        broadcast_id: str,
        outcome: Outcome | None,
        after: tuple[str, int],
    ) -> Iterator[Placed]:
        names = (connection.merchant_id, connection.connection_id, broadcast_id)
        for tally in self._chunks.tallies(*names):
            if tally.key.chunk < after[0] or not _may_hold(tally, outcome):
                continue
            chunk = self._chunks.get(tally.key)
            for placed in self.placed(chunk) if chunk else ():
                wanted = outcome is None or placed.decided.outcome is outcome
                if wanted and placed.decided.outcome not in _MOVED and placed.position > after:
                    yield placed


def _consent_key(connection: Connection, point_id: str) -> ConsentKey:
    return ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point_id)


def _may_hold(tally: Tally, outcome: Outcome | None) -> bool:
    """Whether a chunk can have recipients of this outcome: once it is done its count says so."""
    if outcome is None or not tally.done:
        return True
    return any(key.partition(":")[0] == outcome for key in tally.counts)
