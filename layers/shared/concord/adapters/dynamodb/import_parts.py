"""The rows of an import that is a job, cut in parts that an item can hold; 30 days at most."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.jobs import KEPT_FOR
from concord.adapters.dynamodb.table import Table
from concord.domain.imports import FINGERPRINT_BYTES, ImportPart, RawRow
from concord.domain.tasks import RowKey

# A quarter of what an item may have: a row adds at most 15 KB, the attestation 12 KB.
_PART_BYTES: Final = 100_000


class DynamoDbImportParts:
    """Import parts over the one table, in the partition of their job."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, job_id: str, attestation: str, rows: Iterable[RawRow]) -> None:
        """Write all rows, part after part; no more than one part is in memory."""
        for number, part in enumerate(_cut(rows)):
            item = {"rows": part, "attestation": attestation, "expires_at": _expires_at()}
            self._table.put(keys.job_rows(job_id, number), item)

    def get(self, job_id: str, number: int) -> ImportPart | None:
        """Read a part; None = there is none, or its time is over."""
        item = self._table.get(keys.job_rows(job_id, number))
        if item is None:
            return None
        rows: list[dict[str, Any]] = json.loads(f"[{item['rows']}]")
        return ImportPart(item["attestation"], tuple(rows))

    def note(self, job_id: str, row: int, points: Collection[bytes]) -> None:
        """Note fingerprints of points that a dry run accepted up to `row`."""
        if points:
            item = {"points": b"".join(sorted(points)), "expires_at": _expires_at()}
            self._table.put(keys.job_seen(job_id, row), item)

    def noted(self, job_id: str, row: int) -> set[bytes]:
        """Return the fingerprints that were noted up to `row`."""
        found = self._table.query(
            "pk = :pk AND sk BETWEEN :low AND :high",
            pk=keys.job(job_id).pk,
            low=keys.SEEN,
            high=keys.job_seen(job_id, row).sk,
        )
        return {
            item["points"][at : at + FINGERPRINT_BYTES]
            for item in found
            for at in range(0, len(item["points"]), FINGERPRINT_BYTES)
        }

    def forget(self, job_id: str) -> None:
        """Delete the rows and what was noted; the job stays. Safe to repeat."""
        own = keys.job(job_id)
        for item in list(self._table.query("pk = :pk", keys_only=True, pk=own.pk)):
            if item["sk"] != own.sk:
                self._table.delete(RowKey(item["pk"], item["sk"]))


def _cut(rows: Iterable[RawRow]) -> Iterator[str]:
    """Yield rows as JSON objects with commas between them, about `_PART_BYTES` at a time."""
    part: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(
            {name: value for name, value in row.items() if value},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        part.append(text)
        size += len(text.encode()) + 1
        if size >= _PART_BYTES:
            yield ",".join(part)
            part, size = [], 0
    if part:
        yield ",".join(part)


def _expires_at() -> int:
    return int(time.time()) + KEPT_FOR
