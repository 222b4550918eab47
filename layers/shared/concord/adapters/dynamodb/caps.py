"""Frequency caps: one row for each bucket of neighbouring points, booked on its version (R-02)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import Any, Final

from concord.adapters.dynamodb import broadcast_keys as keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import MAX_TRANSACTION, Table, put
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.caps import MOST_DAYS, Cap, book, bucket_of, fingerprint
from concord.domain.errors import StorageUnavailableError

# 1,024 buckets for every merchant, always, so that broadcasts meet in the same row: of 5 million
# points a bucket holds 80 KB for each text that all of them got.
_BITS: Final = 10
_ROUNDS: Final = 20
_KEPT: Final = timedelta(days=MOST_DAYS + 1)


class DynamoDbCaps:
    """Caps over the one table.

    A slice of neighbours lies in a few buckets. One or two are written one by one, more of them ten
    in a transaction: fewer requests, for twice the units of rows that are small then.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def book(
        self,
        merchant_id: str,
        wanted: Mapping[str, tuple[Cap, ...]],
        broadcast_id: str,
        now: datetime,
    ) -> frozenset[str]:
        """Book a text for each point whose caps have room for one more; return the others."""
        buckets: dict[int, list[str]] = defaultdict(list)
        for point in wanted:
            buckets[bucket_of(point, _BITS)].append(point)
        refused: set[str] = set()
        left = sorted(buckets)
        for _ in range(_ROUNDS):
            tried = {bucket: {p: wanted[p] for p in buckets[bucket]} for bucket in left}
            left = self._round(merchant_id, tried, broadcast_id, now, refused)
            if not left:
                return frozenset(refused)
        raise StorageUnavailableError("the caps kept changing while they were booked")

    def full(
        self,
        merchant_id: str,
        wanted: Mapping[str, tuple[Cap, ...]],
        broadcast_id: str,
        now: datetime,
    ) -> frozenset[str]:
        """Return whom `book` would return, and book nobody."""
        buckets: dict[int, dict[bytes, str]] = defaultdict(dict)
        for point in wanted:
            buckets[bucket_of(point, _BITS)][fingerprint(point)] = point
        rows = {bucket: keys.caps(merchant_id, bucket) for bucket in buckets}
        stored = self._table.get_many(list(rows.values()))
        refused: set[str] = set()
        for bucket, marks in buckets.items():
            entries: bytes = stored.get(rows[bucket], {}).get("entries", b"")
            caps = {mark: wanted[point] for mark, point in marks.items()}
            refused |= {marks[m] for m in book(entries, caps, broadcast_id, now).refused}
        return frozenset(refused)

    def _round(
        self,
        merchant_id: str,
        tried: Mapping[int, Mapping[str, tuple[Cap, ...]]],
        broadcast_id: str,
        now: datetime,
        refused: set[str],
    ) -> list[int]:
        """Book in those buckets, and return the ones that somebody else wrote meanwhile."""
        rows = {bucket: keys.caps(merchant_id, bucket) for bucket in tried}
        stored = self._table.get_many(list(rows.values()))
        writes: list[tuple[int, dict[str, Any]]] = []
        verdicts: dict[int, set[str]] = {}
        for bucket, points in tried.items():
            item = stored.get(rows[bucket], {})
            marks = {fingerprint(point): point for point in points}
            entries: bytes = item.get("entries", b"")
            booked = book(entries, {m: points[p] for m, p in marks.items()}, broadcast_id, now)
            verdicts[bucket] = {marks[mark] for mark in booked.refused}
            if booked.entries != entries:
                condition, seen = _unchanged(item)
                row = _row(booked.entries, item, now)
                writes.append((bucket, put(rows[bucket], row, condition, **seen)))
        stale = self._write(writes)
        for bucket in tried.keys() - stale:
            refused |= verdicts[bucket]
        return sorted(stale)

    def _write(self, writes: Sequence[tuple[int, dict[str, Any]]]) -> set[int]:
        """Write rows; return the buckets that were not as they had been read."""
        stale: set[int] = set()
        size = 1 if len(writes) <= 2 else MAX_TRANSACTION
        for part in batched(writes, size, strict=False):
            try:
                if len(part) == 1:
                    self._table.write(part[0][1])
                else:
                    self._table.transact([action for _, action in part])
            except (ConditionFailedError, TransactionRefusedError):
                # Also after a lost answer: what is booked already is found, and counts once.
                stale |= {bucket for bucket, _ in part}
        return stale


def _row(entries: bytes, item: Item, now: datetime) -> Item:
    return {
        "entries": entries,
        "version": item.get("version", 0) + 1,
        "expires_at": int((now + _KEPT).timestamp()),
    }


def _unchanged(item: Item) -> tuple[str, dict[str, int]]:
    if not item:
        return "attribute_not_exists(pk)", {}
    return "#version = :seen", {"seen": item["version"]}
