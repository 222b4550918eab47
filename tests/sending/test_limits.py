"""What no send may exceed: the caps, and the hours of the day."""

from __future__ import annotations

from concord.domain.errors import ThrottledError
from tests.sending.carriers import Call
from tests.sending.stage import Stage, moment

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


def test_no_bulk_call_lasts_into_the_night() -> None:
    """R-01: a call of a minute's texts, half a minute before nine in the evening, is made in the
    morning; one of few texts is still in time."""
    stage = Stage(bulk=True)
    many, few = stage.shop(count=990), stage.shop("other", count=100)
    nine = 10 * 3600.0
    stage.virtual.run(nine - 30)
    late = stage.broadcast(many, rate=16.7, slice_size=1000)
    soon = stage.broadcast(few, rate=16.7, slice_size=1000, token="00000002")
    stage.sweeps(2 * DAY)
    stage.virtual.run(nine + 60)
    assert stage.report(soon) == {"sent": 100}
    assert [len(call.numbers) for call in stage.carrier.calls] == [100]
    stage.virtual.run(nine + 11.5 * 3600)
    assert stage.report(late) == {"sent": 990}
    eight = moment(nine + 11 * 3600)
    assert all(call.at >= eight for call in stage.carrier.calls[1:])
