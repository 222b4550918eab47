"""A broadcast's recipient as it is shown: where she stands, and what was decided there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from concord.domain.chunks import ChunkKey, Decided


@dataclass(frozen=True, slots=True)
class Placed:
    """A recipient where she stands: `place` in her chunk, and in a slice if it was claimed."""

    chunk: ChunkKey
    place: int
    point_id: str
    decided: Decided
    slice_number: int = -1
    place_in_slice: int = -1
    decided_at: datetime | None = None
    message_id: str = ""

    @property
    def position(self) -> tuple[str, int]:
        """Return where she is in the list of all recipients."""
        return self.chunk.chunk, self.place


def write_position(position: tuple[str, int]) -> str:
    """Return a position as text."""
    return f"{position[0]}/{position[1]}"


def read_position(text: str) -> tuple[str, int]:
    """Return the position of `write_position`; what is none comes before all."""
    chunk, slash, place = text.partition("/")
    if not slash or not (place.isascii() and place.isdecimal()):
        return "", -1
    return chunk, int(place)
