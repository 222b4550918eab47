"""A chunk and its tally as items: 32 bytes for each recipient, and two for a known region."""

from __future__ import annotations

from itertools import batched
from typing import Final

from concord.adapters.dynamodb.marshal import Item
from concord.domain.chunks import Chunk, ChunkKey, Tally

_PREFIX: Final = "v1."
_ID_BYTES: Final = 32
_PLACE_BYTES: Final = 2


def chunk_item(chunk: Chunk) -> Item:
    """Return the attributes of a chunk: `points` packed, and `regions` as names and places.

    `places` has two bytes for each recipient: the number of her region among `regions`, from 1;
    0 = it is not known. Both are left out where nobody's is. ValueError: not a point id.
    """
    item: Item = {"points": b"".join(map(_packed, chunk.points))}
    if chunk.regions:
        names = sorted(set(chunk.regions.values()))
        number = {name: at for at, name in enumerate(names, 1)}
        item["regions"] = names
        item["places"] = b"".join(
            number.get(chunk.regions.get(place, ""), 0).to_bytes(_PLACE_BYTES)
            for place in range(len(chunk.points))
        )
    return item


def chunk_from(key: ChunkKey, item: Item) -> Chunk:
    """Return the chunk that an item holds."""
    packed: bytes = item["points"]
    points = tuple(
        f"{_PREFIX}{packed[at : at + _ID_BYTES].hex()}" for at in range(0, len(packed), _ID_BYTES)
    )
    names: list[str] = item.get("regions", [])
    places = enumerate(batched(item.get("places", b""), _PLACE_BYTES, strict=True))
    numbers = ((place, int.from_bytes(bytes(pair))) for place, pair in places)
    return Chunk(key, points, {place: names[number - 1] for place, number in numbers if number})


def tally_item(tally: Tally) -> Item:
    """Return the attributes of a tally."""
    return {
        "size": tally.size,
        "first": tally.first,
        "last": tally.last,
        "counts": dict(tally.counts),
        "done": tally.done,
        "parent": tally.parent or None,
        "settled": tally.settled or None,
    }


def tally_from(key: ChunkKey, item: Item) -> Tally:
    """Return the tally that an item holds."""
    return Tally(
        key=key,
        size=item["size"],
        first=item["first"],
        last=item["last"],
        counts=item["counts"],
        done=item["done"],
        parent=item.get("parent", ""),
        settled=item.get("settled", 0),
    )


def new_tally(chunk: Chunk, parent: str = "") -> Tally:
    """Return the tally that a chunk begins with."""
    return Tally(chunk.key, len(chunk.points), chunk.points[0], chunk.points[-1], parent=parent)


def _packed(point_id: str) -> bytes:
    packed = bytes.fromhex(point_id[len(_PREFIX) :])
    if not point_id.startswith(_PREFIX) or len(packed) != _ID_BYTES:
        raise ValueError("not a point id")
    return packed
