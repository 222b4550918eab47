"""Merge the receipts of one slice into its row: one write for as many as came together (R-15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from concord.domain.chunks import ChunkKey, Slice, SliceState, slice_reference
from concord.domain.connection import Connection
from concord.domain.errors import StorageUnavailableError
from concord.domain.events import DeliveryStatus
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel
from concord.domain.metrics import Metric
from concord.domain.receipts import QueuedReceipt, SliceReceipts, Told, settled
from concord.ports import Connections, HandedOverSlices, Receipts, Telemetry
from concord.services.heed_failure import HeedFailure
from concord.services.place_receipts import PlaceReceipts
from concord.services.resolve_uncertain import ResolveUncertain

_ATTEMPTS: Final = 8

type Placed = tuple[int, QueuedReceipt]


class MergeReceipts:
    """Any order, any repetition: the row keeps the highest rank of each recipient."""

    def __init__(
        self,
        *,
        receipts: Receipts,
        slices: HandedOverSlices,
        connections: Connections,
        resolve: ResolveUncertain,
        heed: HeedFailure,
        telemetry: Telemetry,
    ) -> None:
        self._receipts = receipts
        self._places = PlaceReceipts(slices)
        self._connections = connections
        self._resolve = resolve
        self._heed = heed
        self._telemetry = telemetry

    def __call__(self, queued: Sequence[QueuedReceipt]) -> None:
        """Merge receipts of one slice of one connection. Raises StorageError: all come again.

        A crash is harmless wherever it comes: a repeat finds each step done, or does it again.
        """
        ref = queued[0].ref
        connection = self._connections.get(queued[0].connection_id)
        if connection is None:
            self._unmatched(len(queued))
            return
        key = ref.key(connection.merchant_id, connection.connection_id)
        part, known, merged, placed = self._merged(key, ref.number, queued)
        self._unmatched(len(queued) - len(placed))
        if part is not None:
            in_doubt = part.state is SliceState.CLAIMED or settled(part, merged) is not None
            again = merged == known
            if in_doubt or (again and placed):
                self._resolve(key, ref.number, again=again)
        for place, receipt in placed:
            if receipt.failure and merged.told[place].status is not DeliveryStatus.DELIVERED:
                self._heed_failure(connection, key, place, receipt)

    def _merged(
        self, key: ChunkKey, number: int, queued: Sequence[QueuedReceipt]
    ) -> tuple[Slice | None, SliceReceipts, SliceReceipts, list[Placed]]:
        """Write what they come to, on the version that was read; again if it moved meanwhile.

        Return the slice if it was looked at, what was told before and is now, and whose each is.
        """
        part: Slice | None = None
        for _ in range(_ATTEMPTS):
            known = self._receipts.get(key, number) or SliceReceipts(key, number)
            placed = list(self._placed(key, queued))
            if part is None and (len(placed) < len(queued) or _must_look(known, placed)):
                part = self._places.load(key, number)
                placed = list(self._placed(key, queued))
            merged = known.merge((place, Told(each.status, each.code)) for place, each in placed)
            if merged == known or self._receipts.put(merged):
                return part, known, merged, placed
        raise StorageUnavailableError("receipts kept changing while they were merged")

    def _placed(self, key: ChunkKey, queued: Sequence[QueuedReceipt]) -> Iterable[Placed]:
        for receipt in queued:
            place = self._places.place(key, receipt)
            if place is not None:
                yield place, receipt

    def _heed_failure(
        self, connection: Connection, key: ChunkKey, place: int, receipt: QueuedReceipt
    ) -> None:
        number = receipt.ref.number
        point = receipt.point_id or self._places.point(key, number, place)
        if not point:
            return
        self._heed(
            connection,
            ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point),
            receipt.failure,
            reference=slice_reference(key, number, place),
            code=receipt.code,
            occurred_at=receipt.occurred_at,
            received_at=receipt.received_at,
        )

    def _unmatched(self, count: int) -> None:
        if count:
            self._telemetry.count(Metric.RECEIPT_UNMATCHED, count)


def _must_look(known: SliceReceipts, placed: Iterable[Placed]) -> bool:
    """Whether the slice must be looked at: for a place that no receipt had told of, and for a
    repeat, whose first time may have died before it looked.

    A later word on a known place need not look: the first one did, and whoever makes a recipient
    uncertain after that asks for receipts himself.
    """
    for place, receipt in placed:
        told = known.told.get(place)
        if told is None or told.status.rank >= receipt.status.rank:
            return True
    return False
