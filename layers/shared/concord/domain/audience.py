"""The audience of a broadcast: the numbers of all its groups, each once, in order (TEA-08)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from operator import attrgetter

from concord.domain.groups import TextableNumber, joined_regions, regions_in

_BY_ID = attrgetter("point_id")


def merged(
    streams: Sequence[Iterable[TextableNumber]], taken_at: datetime
) -> Iterator[TextableNumber]:
    """Yield the numbers of sorted streams in their order, each once: a k-way merge.

    What became textable after `taken_at` is left out (TEA-10); who was textable in one group by
    then is in, whatever happened in another since, and a move between groups makes nobody newer.
    Who left all of them before her row was read is out. Only one row of each stream is held at a
    time. A number that the streams know in several regions is in all of them.
    """
    known = [(row for row in stream if row.since <= taken_at) for stream in streams]
    rows = known[0] if len(known) == 1 else merge(*known, key=_BY_ID)
    last: TextableNumber | None = None
    for row in rows:
        if last is None:
            last = row
        elif row.point_id != last.point_id:
            yield last
            last = row
        elif row.region != last.region:
            last = _both(last, row)
    if last is not None:
        yield last


def _both(one: TextableNumber, other: TextableNumber) -> TextableNumber:
    regions = dict.fromkeys((*regions_in(one.region), *regions_in(other.region)), 1)
    return TextableNumber(one.point_id, min(one.since, other.since), joined_regions(regions))
