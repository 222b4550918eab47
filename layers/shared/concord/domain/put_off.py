"""Chunks of those who were put off: until a legal hour comes, or because nothing was taken."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from concord.domain.chunks import Chunk, Outcome, Slice

_AGAIN: Final = re.compile(r"(.+)-a(\d+)")
_LATER: Final = re.compile(r".+-q(\d{8}t\d{4})")
_MINUTE: Final = "%Y%m%dt%H%M"
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PutOff:
    """A chunk to be inserted, when it is due, and the name of the chunk it comes from."""

    chunk: Chunk
    due_at: datetime
    parent: str


def tries_of(name: str) -> int:
    """Return how often the recipients of the chunk of this name were tried before."""
    match = _AGAIN.fullmatch(name)
    return int(match[2]) if match else 0


def waits_until(name: str) -> datetime | None:
    """Return the legal hour that the recipients of the chunk of this name wait for, if they do."""
    match = _LATER.fullmatch(name)
    return datetime.strptime(match[1], _MINUTE).replace(tzinfo=UTC) if match else None


def again_at(name: str, now: datetime) -> datetime:
    """Return when to try again whom a chunk of this name tried in vain: later each time."""
    return now + min(_LONGEST, _FIRST_WAIT * (1 << min(tries_of(name), 10)))


def put_off(chunk: Chunk, part: Slice) -> tuple[PutOff, ...]:
    """Return the chunks of all whom a slice put off; the same slice makes the same chunks.

    One for each moment that some wait for, one for those who are tried again. Each is no larger
    than its slice, so it is handed over as one slice itself.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    due: dict[str, datetime] = {}
    for place, each in enumerate(part.decided):
        if each.outcome not in (Outcome.DEFERRED, Outcome.AGAIN) or each.until is None:
            continue
        again = each.outcome is Outcome.AGAIN
        name = _again(chunk, part) if again else _waiting(chunk, part, each.until)
        groups[name].append(part.first + place)
        due[name] = max(due.get(name, each.until), each.until)
    return tuple(
        PutOff(_cut(chunk, name, places), due[name], chunk.key.chunk)
        for name, places in sorted(groups.items())
    )


def _cut(chunk: Chunk, name: str, places: list[int]) -> Chunk:
    regions = {new: chunk.regions[old] for new, old in enumerate(places) if old in chunk.regions}
    points = tuple(chunk.points[place] for place in places)
    return Chunk(replace(chunk.key, chunk=name), points, regions)


def _stem(chunk: Chunk, part: Slice) -> str:
    """Return the name of the slice: who was put off before is alone in the one slice there is."""
    name = chunk.key.chunk
    return name if "-" in name else f"{name}-{part.number:04d}"


def _again(chunk: Chunk, part: Slice) -> str:
    match = _AGAIN.fullmatch(chunk.key.chunk)
    return f"{match[1]}-a{int(match[2]) + 1}" if match else f"{_stem(chunk, part)}-a1"


def _waiting(chunk: Chunk, part: Slice, until: datetime) -> str:
    return f"{_stem(chunk, part)}-q{until.astimezone(UTC):{_MINUTE}}"
