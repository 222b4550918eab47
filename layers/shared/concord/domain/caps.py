"""Frequency caps (R-02): arithmetic over one bucket of points, so that no broadcast exceeds them.

A bucket is a contiguous range of sorted point ids, stored as one item of packed entries. One entry
is 16 bytes: fingerprint of the point (8), minute since 1970 (4), fingerprint of the slice (4).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import Any, Final

from concord.domain.errors import FieldError, InvalidInputError

MERCHANT_CAP: Final = "merchant-cap"
MOST_TEXTS: Final = 100
MOST_DAYS: Final = 31
# Entries are kept at least so long, whatever is wanted: the longest cap of the law (domain/law.py)
# may bind points that this call does not ask about.
KEPT: Final = timedelta(days=1)
MOST_BITS: Final = 16

_ENTRY: Final = Struct(">8sI4s")
_DAY: Final = 24 * 60
_POINT_ID: Final = "v1."


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `texts` in any `days` times 24 hours. `law` is the id of the rule that says so; "" =
    it is the merchant's own."""

    texts: int
    days: int
    law: str = ""

    @property
    def rule_id(self) -> str:
        """Return what a decision remembers. A merchant changes hers, so it says what it was."""
        return self.law or f"{MERCHANT_CAP}-{self.texts}-in-{self.days}-days"


@dataclass(frozen=True, slots=True)
class Booking:
    """What came of a booking: the bucket's new entries, and the points that may not be texted."""

    entries: bytes
    refused: frozenset[bytes]


def parse_cap(settings: Mapping[str, Any], field: str = "frequency_cap") -> Cap | None:
    """Return a merchant's cap `{"texts": 4, "days": 7}`; {} = None.

    Raises InvalidInputError that names each wrong field.
    """
    if not settings:
        return None
    most = {"texts": MOST_TEXTS, "days": MOST_DAYS}
    errors = [
        FieldError(f"{field}.{name}", 'use "texts" and "days"')
        for name in settings
        if name not in most
    ]
    for name, limit in most.items():
        value = settings.get(name)
        if type(value) is not int or not 1 <= value <= limit:
            errors.append(FieldError(f"{field}.{name}", f"give a whole number from 1 to {limit}"))
    if errors:
        raise InvalidInputError("bad frequency cap", errors=tuple(errors))
    return Cap(settings["texts"], settings["days"])


def fingerprint(point_id: str) -> bytes:
    """Return the 8 bytes that stand for a point; they sort as the point ids do."""
    return bytes.fromhex(_hex(point_id)[:16])


def bucket_of(point_id: str, bits: int) -> int:
    """Return the bucket of a point: the first `bits` (0 to MOST_BITS) bits of its id."""
    return int(_hex(point_id)[:4], 16) >> (MOST_BITS - bits)


def _hex(point_id: str) -> str:
    return point_id.removeprefix(_POINT_ID)


def book(
    entries: bytes,
    wanted: Mapping[bytes, tuple[Cap, ...]],
    slice_ref: str,
    now: datetime,
) -> Booking:
    """Book one text for each wanted point whose caps all have room for it.

    entries    what the bucket holds
    wanted     fingerprint -> the caps that bind that point; without any it is not booked
    slice_ref  who books. Who books again, after a crash or a refusal, finds its own entries: they
               count once, and from now on, for the text goes out now. It is refused if others took
               the room after its old entry had left a window
    now        aware

    What comes out depends on what is booked and not on the order of the entries. Entries older
    than every window are dropped.
    """
    slice_mark = sha256(slice_ref.encode()).digest()[:4]
    # An entry counts from the full minute after it, and is looked at from the one before now: so
    # rounding never lets a text through early.
    seconds = now.timestamp()
    minute, booked_at = math.floor(seconds / 60), math.ceil(seconds / 60)
    kept: list[tuple[bytes, int, bytes]] = []
    others: dict[bytes, list[int]] = defaultdict(list)
    own: dict[bytes, int] = {}
    for point, at, mark in _kept(entries, wanted, minute):
        if mark == slice_mark and wanted.get(point):
            own[point] = at
            continue
        kept.append((point, at, mark))
        others[point].append(at)
    refused: set[bytes] = set()
    for point, caps in wanted.items():
        if not caps:
            continue
        if all(_has_room(cap, others[point], minute) for cap in caps):
            kept.append((point, max(own.get(point, booked_at), booked_at), slice_mark))
            continue
        refused.add(point)
        if point in own:  # never forget what may have been sent
            kept.append((point, own[point], slice_mark))
    return Booking(b"".join(_ENTRY.pack(*entry) for entry in sorted(kept)), frozenset(refused))


def _has_room(cap: Cap, booked: list[int], minute: int) -> bool:
    """Tell whether one more fits; an entry of exactly `days` ago counts no more."""
    since = minute - cap.days * _DAY
    return sum(at > since for at in booked) < cap.texts


def _kept(
    entries: bytes, wanted: Mapping[bytes, tuple[Cap, ...]], minute: int
) -> list[tuple[bytes, int, bytes]]:
    days = max((cap.days for caps in wanted.values() for cap in caps), default=MOST_DAYS)
    since = minute - max(days * _DAY, int(KEPT.total_seconds()) // 60)
    return [entry for entry in _ENTRY.iter_unpack(entries) if entry[1] > since]
