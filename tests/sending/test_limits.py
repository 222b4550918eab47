"""What no send may exceed: the caps, and the hours of the day."""

from __future__ import annotations

from concord.domain.errors import ThrottledError
from tests.sending.carriers import Call
from tests.sending.stage import Stage

DAY = 24 * 3600.0


def test_a_text_that_was_put_off_counts_from_when_it_went_out() -> None:
    """R-02: refused for ten minutes at first, it fills its day from then on."""
    stage = Stage()
    shop = stage.shop(count=5, cap={"texts": 1, "days": 1})

    def busy(call: Call) -> None:
        if stage.virtual.monotonic() < 600:
            raise ThrottledError("busy", retry_after=30)

    stage.carrier.fault = busy
    first = stage.broadcast(shop)
    stage.sweeps(2 * DAY)
    stage.virtual.run(DAY + 300)
    assert stage.report(first) == {"sent": 5}
    second = stage.broadcast(shop, token="00000002")
    stage.virtual.run(DAY + 400)
    assert stage.report(second) == {"skipped:capped": 5}
    stage.virtual.run(2 * DAY)
    third = stage.broadcast(shop, token="00000003")
    stage.virtual.run(2 * DAY + 60)
    assert stage.report(third) == {"sent": 5}
