"""Broadcasts through the real handlers: the table, the queues, a sender of the sandbox."""

from __future__ import annotations

from concord.domain.broadcast import BroadcastState
from tests.world.sending import header, morning, opted_in, planned, texted
from tests.world.shop import Shop


def test_a_broadcast_reaches_everybody_once(shop: Shop) -> None:
    """TEA-05, R-09: sent + skipped + uncertain = audience."""
    morning(shop.world)
    numbers = opted_in(shop, 25)
    broadcast = planned(shop, numbers, bulk=False)
    shop.world.pump()
    ended = header(shop, broadcast)
    assert (ended.state, dict(ended.report)) == (BroadcastState.FINISHED, {"sent": 25})
    assert texted(shop, numbers) == [1] * 25
