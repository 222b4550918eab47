"""What was a shopper's at a moment in the past."""

from __future__ import annotations

from datetime import timedelta

from concord.domain.identity import Channel
from concord.domain.shopper import Shopper
from tests.support.builders import at, shopper

ONE, TWO = (Channel.SMS, "+15550000001"), (Channel.SMS, "+15550000002")


def _with(*phones: tuple[Channel, str]) -> Shopper:
    return shopper(phones={f"v1.{point}": point for _, point in phones}, emails={})


def test_each_point_is_hers_from_its_save_to_the_save_without_it() -> None:
    """TEA-19: a late departure concerns what she had when it came."""
    first = _with(ONE).following(None, at(0))
    second = _with(TWO).following(first, at(100))
    third = _with(ONE, TWO).following(second, at(200))
    assert [set(third.points_at(at(s))) for s in (50, 150, 250)] == [{ONE}, {TWO}, {ONE, TWO}]
    assert [s.version for s in (first, second, third)] == [1, 2, 3]
    assert third.saved_after(at(198.9))
    assert not third.saved_after(at(200))


def test_two_clocks_do_not_hide_a_point() -> None:
    """TEA-19: a departure right after a save, by a clock that is behind."""
    saved = _with(ONE).following(None, at(10))
    assert set(saved.points_at(at(9.2))) == {ONE}
    assert not saved.saved_after(at(9.2))


def test_what_was_hers_before_times_were_noted_always_was() -> None:
    """TEA-19: without a time, an opt-out wins."""
    old = _with(ONE)
    assert set(old.points_at(at(-1000))) == {ONE}
    changed = _with(TWO).following(old, at(0))
    assert set(changed.points_at(at(-1000))) == {ONE}


def test_a_point_given_up_is_forgotten_after_the_queue_has() -> None:
    """R-25: kept for as long as a departure may be on its way, and no longer."""
    first = _with(ONE).following(None, at(0))
    second = _with(TWO).following(first, at(1))
    month = at(1) + timedelta(days=30)
    assert second.given_up
    assert _with(TWO).following(second, month).given_up == ()
