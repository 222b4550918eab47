"""The worker is killed at each of its requests, in the situations that a sender can bring about.

The same is done with the real handlers in tests/walk/test_send_crash.py; here a run takes
milliseconds, so that every situation meets every request.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from concord.domain.errors import RetryableError, ThrottledError
from tests.sending.carriers import Call
from tests.sending.stage import Stage
from tests.sending.stand_ins import Killed

_COUNT, _SLICE, _CHUNK = 5, 2, 4
_HOUR = 3600.0
_EARLY = 20.3 * _HOUR  # seven in the morning in New York


def _smooth(stage: Stage) -> None:
    """Nothing goes wrong but the kill."""


def _down_for_a_moment(stage: Stage) -> None:
    """A call is not taken."""
    _at_call(stage, 2 if stage.bulk else 4, partial(_raise, RetryableError("down")))


def _busy_for_a_moment(stage: Stage) -> None:
    """A call is throttled."""
    busy = ThrottledError("busy", retry_after=3.0)
    _at_call(stage, 2 if stage.bulk else 3, partial(_raise, busy))


def _answer_lost(stage: Stage) -> None:
    """The second call is taken, and its answer does not come back."""
    _at_call(stage, 2, lambda: "lost")


def _never_came(stage: Stage) -> None:
    """The second call never arrives."""
    _at_call(stage, 2, lambda: "never_came")


def _night(stage: Stage) -> None:
    """Everybody waits until eight, for longer than a message can."""
    stage.virtual.wait(_EARLY)


def _out(stage: Stage) -> None:
    """The carrier knows of two opt-outs that we do not, and of an invalid number."""
    numbers = [f"+1212204{place:04d}" for place in range(_COUNT)]
    stage.carrier.out, stage.carrier.invalid = set(numbers[1:3]), {numbers[4]}


SITUATIONS = (
    _smooth,
    _down_for_a_moment,
    _busy_for_a_moment,
    _answer_lost,
    _never_came,
    _night,
    _out,
)
# Whether the sender can be asked matters where something is in doubt.
_MUTE = (_smooth, _busy_for_a_moment, _answer_lost)
CASES = [(each, True) for each in SITUATIONS] + [(each, False) for each in _MUTE]


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize(("situation", "lookups"), CASES)
def test_killed_anywhere_nobody_is_texted_twice_or_lost(
    situation: Callable[[Stage], None], bulk: bool, lookups: bool
) -> None:
    """R-09, R-10, reliability 12: at every request, of the table, the queue and the sender."""
    steps = _play(situation, bulk=bulk, lookups=lookups, kill=0)
    assert steps > 15, "nothing was done"
    for kill in range(1, steps + 1):
        try:
            _play(situation, bulk=bulk, lookups=lookups, kill=kill)
        except BaseException as error:
            error.add_note(f"killed at {kill} of {steps}")
            raise


def _play(situation: Callable[[Stage], None], *, bulk: bool, lookups: bool, kill: int) -> int:
    """Send once, with the process killed at one of its steps, or at none (0); return how many steps
    it took."""
    stage = Stage(bulk=bulk, workers=2)
    stage.carrier.lookups = lookups
    steps = 0

    def step(name: str, before: bool) -> None:
        nonlocal steps
        steps += 1
        if steps == kill:
            raise Killed(name)

    stage.on_step = step
    stage.carrier.began = lambda call: step("call", True)
    situation(stage)
    shop = stage.shop(count=_COUNT)
    began = stage.virtual.monotonic()
    broadcast = stage.broadcast(shop, rate=10.0, slice_size=_SLICE, chunk_size=_CHUNK)
    stage.sweeps(began + 2 * _HOUR)
    for hours in (0.1, 0.2, 0.4, 1, 2):
        stage.virtual.run(began + hours * _HOUR)
        if stage.header(broadcast).over and not stage.memory.rows("TS#"):
            break
    report, texts = stage.report(broadcast), stage.carrier.texts
    assert not texts or max(texts.values()) == 1
    sent, uncertain = report.get("sent", 0), report.get("uncertain", 0)
    # Of a call whose answer was lost, and of the slice of a worker that was killed.
    in_doubt = _SLICE * (bool(kill) + (situation in (_answer_lost, _never_came)))
    assert uncertain <= (0 if lookups else in_doubt)
    assert sent <= len(texts) <= sent + uncertain
    refused = stage.carrier.out | stage.carrier.invalid
    assert len(texts) + uncertain >= _COUNT - len(refused)
    return steps


def _at_call(stage: Stage, number: int, what: Callable[[], str]) -> None:
    def fault(call: Call) -> str | None:
        return what() if len(stage.carrier.calls) == number else None

    stage.carrier.fault = fault


def _raise(error: Exception) -> str:
    raise error
