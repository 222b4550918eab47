"""The keys of broadcasts and of what they are cut into; a part of keys.py.

A broadcast id sorts by its creation, a chunk's name by its place in the plan.
"""

from __future__ import annotations

from typing import Final

from concord.domain.chunks import ChunkKey
from concord.domain.pacing import SenderAccount
from concord.domain.tasks import RowKey

CHUNK: Final = "CHUNK"
SLICE: Final = "S#"


def broadcasts_pk(merchant_id: str, connection_id: str) -> str:
    """Return `B#<merchant>#<connection>`."""
    return f"B#{merchant_id}#{connection_id}"


def broadcast(merchant_id: str, connection_id: str, broadcast_id: str) -> RowKey:
    """Return `B#<merchant>#<connection>` / `<broadcast>`."""
    return RowKey(broadcasts_pk(merchant_id, connection_id), broadcast_id)


def tallies_pk(merchant_id: str, connection_id: str, broadcast_id: str) -> str:
    """Return `BT#<merchant>#<connection>#<broadcast>`."""
    return f"BT#{merchant_id}#{connection_id}#{broadcast_id}"


def tally(key: ChunkKey) -> RowKey:
    """Return `BT#<merchant>#<connection>#<broadcast>` / `<chunk>`."""
    return RowKey(tallies_pk(key.merchant_id, key.connection_id, key.broadcast_id), key.chunk)


def chunk_pk(key: ChunkKey) -> str:
    """Return `BC#<merchant>#<connection>#<broadcast>#<chunk>`."""
    return f"BC#{key.merchant_id}#{key.connection_id}#{key.broadcast_id}#{key.chunk}"


def chunk(key: ChunkKey) -> RowKey:
    """Return `BC#<merchant>#<connection>#<broadcast>#<chunk>` / `CHUNK`."""
    return RowKey(chunk_pk(key), CHUNK)


def slice_row(key: ChunkKey, number: int) -> RowKey:
    """Return the chunk's partition / `S#<slice, four digits>`."""
    return RowKey(chunk_pk(key), f"{SLICE}{number:04d}")


def receipts_pk(merchant_id: str, connection_id: str, broadcast_id: str) -> str:
    """Return `BR#<merchant>#<connection>#<broadcast>`: a report reads one partition."""
    return f"BR#{merchant_id}#{connection_id}#{broadcast_id}"


def receipts_row(key: ChunkKey, number: int) -> RowKey:
    """Return `BR#<merchant>#<connection>#<broadcast>` / `<chunk>#<slice, four digits>`."""
    pk = receipts_pk(key.merchant_id, key.connection_id, key.broadcast_id)
    return RowKey(pk, f"{key.chunk}#{number:04d}")


def pace(account: SenderAccount) -> RowKey:
    """Return `PACE#<merchant>#<sender account>` / `PACE`."""
    return RowKey(f"PACE#{account.merchant_id}#{account.account}", "PACE")


def waiting(account: SenderAccount) -> RowKey:
    """Return `PACE#<merchant>#<sender account>` / `WAITING`."""
    return RowKey(pace(account).pk, "WAITING")


def caps(merchant_id: str, bucket: int) -> RowKey:
    """Return `CAP#<merchant>#<bucket, three hex digits>` / `CAP`."""
    return RowKey(f"CAP#{merchant_id}#{bucket:03x}", "CAP")
