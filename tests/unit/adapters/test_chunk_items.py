"""Chunks and tallies survive storage, and a chunk stays as small as its cost says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.adapters.dynamodb.chunk_items import (
    chunk_from,
    chunk_item,
    new_tally,
    tally_from,
    tally_item,
)
from concord.adapters.dynamodb.marshal import from_item, to_item
from concord.domain.chunks import CHUNK_SIZE, Chunk, ChunkKey

KEY = ChunkKey("shop", "shop.abc", "20261122t090000-0a1b2c3d", "000001")
point_ids = st.binary(min_size=32, max_size=32).map(lambda raw: f"v1.{raw.hex()}")
regions = st.sampled_from(["US-FL", "US-TX", "CZ-10"])


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    points = sorted(draw(st.sets(point_ids, min_size=1, max_size=20)))
    places = st.integers(0, len(points) - 1)
    return Chunk(KEY, tuple(points), draw(st.dictionaries(places, regions)))


@given(chunks())
def test_a_chunk_survives_storage(chunk: Chunk) -> None:
    """TEA-10: the audience is read back as it was frozen, with where each recipient lives."""
    assert chunk_from(KEY, from_item(to_item(chunk_item(chunk)))) == chunk


def test_a_full_chunk_is_32_bytes_a_recipient() -> None:
    """R-09: one item, cheap enough to be written once for a thousand recipients."""
    points = tuple(f"v1.{n:064x}" for n in range(CHUNK_SIZE))
    item = chunk_item(Chunk(KEY, points))
    assert item.keys() == {"points"}
    assert len(item["points"]) == 32 * CHUNK_SIZE
    known = chunk_item(Chunk(KEY, points, dict.fromkeys(range(CHUNK_SIZE), "US-FL")))
    assert (len(known["places"]), known["regions"]) == (2 * CHUNK_SIZE, ["US-FL"])


@pytest.mark.parametrize("odd", ["v1.00", f"v2.{0:064x}", "+15550100001"])
def test_nothing_but_a_point_id_is_packed(odd: str) -> None:
    """R-32: a number never gets into a chunk."""
    with pytest.raises(ValueError):  # noqa: PT011 - bytes.fromhex words it itself
        chunk_item(Chunk(KEY, (odd,)))


@pytest.mark.parametrize("parent", ["", "000001"])
def test_a_tally_survives_storage(parent: str) -> None:
    """R-09: what the report is summed from."""
    chunk = Chunk(KEY, (f"v1.{1:064x}", f"v1.{2:064x}"))
    fresh = new_tally(chunk, parent)
    assert (fresh.size, fresh.first, fresh.last, fresh.done) == (2, *chunk.points, False)
    tally = replace(fresh, counts={"sent": 1, "skipped:capped": 1}, done=True)
    for each in (fresh, tally):
        assert tally_from(KEY, from_item(to_item(tally_item(each)))) == each
