"""Receipts of a broadcast's texts: whose they are, and how any number of them become one (R-15)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from concord.domain.broadcast import is_broadcast_id
from concord.domain.chunks import CHUNK_SIZE, ChunkKey, Outcome, Slice, SliceState
from concord.domain.events import DeliveryReceipt, DeliveryStatus, Failure

_CHUNK: Final = re.compile(r"[0-9a-z-]{1,120}")
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
# What a platform calls its failures; anything else might be somebody's number or name.
_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


@dataclass(frozen=True, slots=True)
class SliceRef:
    """A slice by its name in a reference; `place` is a recipient's, None for a bulk call's."""

    broadcast_id: str
    chunk: str
    number: int
    place: int | None = None

    def key(self, merchant_id: str, connection_id: str) -> ChunkKey:
        """Return the chunk; whose connection it is, no reference can choose (R-32)."""
        return ChunkKey(merchant_id, connection_id, self.broadcast_id, self.chunk)


def read_reference(reference: str | None) -> SliceRef | None:
    """Return what `chunks.slice_reference` wrote; None for anything else. Total."""
    parts = (reference or "").split(".")
    if len(parts) not in (3, 4) or not is_broadcast_id(parts[0]):
        return None
    numbers = parts[2:]
    if not _CHUNK.fullmatch(parts[1]) or not all(map(_NUMBER.fullmatch, numbers)):
        return None
    number, place = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else None
    if place is not None and place >= CHUNK_SIZE:
        return None
    return SliceRef(parts[0], parts[1], number, place)


@dataclass(frozen=True, slots=True)
class QueuedReceipt:
    """A receipt as it waits in the queue, without a number: the recipient is known by her place,
    or by `point_id` where the platform named the bulk call and her number."""

    connection_id: str
    ref: SliceRef
    status: DeliveryStatus
    received_at: datetime
    point_id: str = ""
    code: str = ""
    failure: Failure | None = None
    occurred_at: datetime | None = None


def safe_code(receipt: DeliveryReceipt) -> str:
    """Return the platform's code of a failure, "" where there is none or it does not look like
    one."""
    code = receipt.code or ""
    failed = receipt.status is DeliveryStatus.FAILED
    return code if failed and _CODE.fullmatch(code) else ""


@dataclass(frozen=True, slots=True)
class Told:
    """What the platform told of one recipient. `code` is that of a failure, else ""."""

    status: DeliveryStatus
    code: str = ""

    def merge(self, other: Told) -> Told:
        """Return the one of higher rank; of two failures always the same one."""
        return max(self, other, key=lambda told: (told.status.rank, told.code))


@dataclass(frozen=True, slots=True)
class SliceReceipts:
    """What was told of a slice's recipients, by their place in it. Merging is commutative,
    associative and idempotent, so neither order nor repetition of receipts can matter."""

    key: ChunkKey
    number: int
    told: Mapping[int, Told] = field(default_factory=dict)
    version: int = 0

    def merge(self, told: Iterable[tuple[int, Told]]) -> SliceReceipts:
        """Return what all of it comes to; equal to this one if it says nothing new."""
        merged = dict(self.told)
        for place, each in told:
            known = merged.get(place)
            merged[place] = known.merge(each) if known else each
        return replace(self, told=merged)


def settled(part: Slice, receipts: SliceReceipts) -> Slice | None:
    """Return the slice with every uncertain recipient sent whom a receipt is about; None = no
    change. Whatever it says, the platform had the text: a failure shows among the receipts."""
    if part.state is not SliceState.DONE:
        return None
    decided = tuple(
        replace(each, outcome=Outcome.SENT)
        if each.outcome is Outcome.UNCERTAIN and place in receipts.told
        else each
        for place, each in enumerate(part.decided)
    )
    return replace(part, decided=decided) if decided != part.decided else None


@dataclass(frozen=True, slots=True)
class ReceiptCounts:
    """The newest word on each text, counted: `failed` by the platform's code ("" = none given)."""

    accepted: int = 0
    sent: int = 0
    delivered: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)


def counted(slices: Iterable[SliceReceipts]) -> ReceiptCounts:
    """Return what became of all texts, as far as the platform told."""
    by_status: Counter[DeliveryStatus] = Counter()
    failed: Counter[str] = Counter()
    for each in slices:
        for told in each.told.values():
            by_status[told.status] += 1
            if told.status is DeliveryStatus.FAILED:
                failed[told.code] += 1
    return ReceiptCounts(
        accepted=by_status[DeliveryStatus.ACCEPTED],
        sent=by_status[DeliveryStatus.SENT],
        delivered=by_status[DeliveryStatus.DELIVERED],
        failed=dict(sorted(failed.items())),
    )
