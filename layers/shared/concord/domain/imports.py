"""Imports of opt-ins: what a file's row may come to, and the parts in which a large file waits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

type RawRow = Mapping[str, str | None]
"""A row as it was sent: `point`, and perhaps `channel`, `occurred_at`, `evidence`."""

# What one call answers row by row; a larger file is a job.
MAX_ROWS: Final = 500
ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"


@dataclass(frozen=True, slots=True)
class ImportPart:
    """A run of rows of a file, and what vouches for them."""

    attestation: str = field(repr=False)
    rows: tuple[RawRow, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row. `new` = nothing was known of its point before; `point` is the
    fingerprint of what a dry run accepted."""

    result: str
    new: bool = False
    point: bytes = b""


FINGERPRINT_BYTES: Final = 8


def fingerprint(point_id: str) -> bytes:
    """Return a short name of a point, for a set of all points of a file (no two alike in 10^9)."""
    return hashlib.sha256(point_id.encode()).digest()[:FINGERPRINT_BYTES]
