"""Tasks: two queues, and how long a failed one waits."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.tasks import HORIZON, LONGEST_WAIT, QUEUE_OF, Queue, TaskKind, backoff

attempts = st.integers(1, 10_000)
seeds = st.integers()
SECOND = timedelta(seconds=1)


def test_every_kind_has_its_queue() -> None:
    """TEA-11: what a shopper waits for is never behind an export."""
    assert set(QUEUE_OF) == set(TaskKind)
    assert QUEUE_OF[TaskKind.PUSH_CONSENT] is Queue.URGENT
    assert QUEUE_OF[TaskKind.SEND_TEXT] is Queue.URGENT
    assert QUEUE_OF[TaskKind.REPLAY_INBOX] is Queue.BULK


@given(attempts, seeds)
def test_backoff_bounds(tries: int, seed: int) -> None:
    """TEA-11: between half a step and a step; a minute for half an hour, then a quarter hour."""
    wait = backoff(tries, None, random.Random(seed))
    step = min(2.0 ** min(tries, 12), 60.0 if tries <= 30 else 900.0)
    assert step / 2 * SECOND <= wait <= step * SECOND


@given(seeds)
def test_the_first_half_hour_is_tried_often(seed: int) -> None:
    """TEA-11: a platform that is back within half an hour hears of an opt-out in a minute."""
    rng = random.Random(seed)
    waits = [backoff(n, None, rng) for n in range(1, 31)]
    assert max(waits) <= 60 * SECOND
    assert sum(waits, timedelta()) >= timedelta(minutes=10)


@given(attempts, st.floats(0, 900), seeds)
def test_retry_after_is_not_undercut(tries: int, retry_after: float, seed: int) -> None:
    """TEA-11: the platform said when."""
    wait = backoff(tries, retry_after, random.Random(seed))
    # timedelta counts whole microseconds.
    assert wait >= timedelta(seconds=retry_after)
    assert wait >= backoff(tries, None, random.Random(seed))


@given(attempts, st.floats(), seeds)
def test_no_answer_can_bury_an_opt_out(tries: int, retry_after: float, seed: int) -> None:
    """TEA-11, TEA-22: whatever stands in Retry-After, we ask again within a quarter of an hour."""
    assert timedelta(0) < backoff(tries, retry_after, random.Random(seed)) <= LONGEST_WAIT
    assert LONGEST_WAIT == timedelta(minutes=15) < HORIZON


def test_jitter_spreads_and_a_seed_repeats() -> None:
    """TEA-11: workers do not come back in one wave; a simulation can be repeated."""
    spread = {backoff(6, None, random.Random(seed)) for seed in range(100)}
    assert len(spread) > 90
    assert max(spread) - min(spread) > 20 * SECOND
    assert backoff(6, None, random.Random(7)) == backoff(6, None, random.Random(7))


@pytest.mark.parametrize("retry_after", [None, 0.0, -5.0])
def test_no_hint_means_our_own_pace(retry_after: float | None) -> None:
    """TEA-11: zero or nonsense is no invitation to hammer."""
    assert backoff(1, retry_after, random.Random(1)) >= SECOND
