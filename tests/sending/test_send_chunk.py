"""The worker of chunks, step by step."""

from __future__ import annotations

import pytest

from concord.domain.broadcast import BroadcastState
from tests.sending.stage import Stage


@pytest.mark.parametrize("bulk", [False, True])
def test_everybody_is_texted_once(bulk: bool) -> None:
    """R-09, R-10: and the report adds up."""
    stage = Stage(bulk=bulk)
    shop = stage.shop(count=45)
    broadcast = stage.broadcast(shop, chunk_size=20, slice_size=10)
    stage.virtual.run(600)
    assert stage.report(broadcast) == {"sent": 45}
    assert set(stage.carrier.texts.values()) == {1}
    assert set(stage.carrier.texts) == set(shop.numbers.values())
    assert stage.header(broadcast).state is BroadcastState.FINISHED
    assert not stage.memory.rows("TS#")
