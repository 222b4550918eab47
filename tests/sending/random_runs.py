"""One send, disturbed in whatever way a seed says, and what has to be true of it afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.errors import (
    RetryableError,
    ThrottledError,
)
from tests.sending.carriers import Call
from tests.sending.shop import Shop
from tests.sending.stage import Stage
from tests.sending.stand_ins import Killed

_HOUR = 3600.0


@dataclass
class Run:
    """What happened to one send."""

    stage: Stage
    shop: Shop
    broadcast: Broadcast
    slice_size: int
    stopped: dict[str, datetime] = field(default_factory=dict)
    kills: int = 0
    lost: int = 0
    cancelled: bool = False


def play(seed: int) -> Run:
    """Play one seed to its end."""
    dice = random.Random(seed)
    bulk = dice.random() < 0.4
    slice_size = dice.choice([3, 7]) if bulk else dice.choice([1, 4, 10])
    stage = Stage(bulk=bulk, workers=dice.choice([1, 3, 6]))
    shop = stage.shop(count=dice.randint(8, 40))
    stage.carrier.lookups = dice.random() < 0.7
    numbers = list(shop.numbers.values())
    stage.carrier.out = set(dice.sample(numbers, dice.choice([0, 0, 2])))
    stage.carrier.invalid = set(dice.sample(numbers, dice.choice([0, 0, 1])))
    stage.copies = lambda: 2 if dice.random() < 0.1 else 1
    broadcast = stage.broadcast(
        shop,
        rate=dice.choice([2.0, 10.0, 50.0]),
        slice_size=slice_size,
        chunk_size=dice.choice([5, 16, 40]),
    )
    run = Run(stage, shop, broadcast, slice_size)
    _disturb(run, dice)
    stage.sweeps(6 * _HOUR)
    for half_hour in range(1, 13):
        stage.virtual.run(half_hour * _HOUR / 2)
        if stage.header(broadcast).over and not stage.memory.rows("TS#"):
            break
    return run


def _disturb(run: Run, dice: random.Random) -> None:
    """Let the seed's calamities happen in the first minute and a half."""
    stage = run.stage
    troubled = dice.choice([0.0, 0.0, 0.05, 0.3])
    deadly = dice.choice([0.0, 0.0, 0.004, 0.02])
    ends = 90.0

    def fault(call: Call) -> str | None:
        if stage.virtual.monotonic() > ends or dice.random() >= troubled:
            return None
        kind = dice.choice(["lost", "never_came", "down", "busy"])
        if kind == "down":
            raise RetryableError("down")
        if kind == "busy":
            raise ThrottledError("busy", retry_after=dice.choice([None, 3.0]))
        run.lost += 1
        return kind

    def step(name: str, before: bool) -> None:
        if stage.virtual.monotonic() < ends and dice.random() < deadly:
            run.kills += 1
            raise Killed(name)

    def began(call: Call) -> None:
        step("call", True)
        for number in call.numbers:
            stopped = run.stopped.get(number)
            late = stopped is not None and call.at - stopped > timedelta(seconds=1)
            assert not late, (
                "a text began more than a second after STOP was stored",
                call.at,
                stopped,
                call.reference,
            )

    stage.carrier.fault = fault
    stage.carrier.began = began
    stage.on_step = step
    for number in dice.sample(list(run.shop.numbers.values()), dice.randint(0, 6)):
        stage.virtual.at(dice.uniform(0, 30), partial(_stop, run, number))
    for act in dice.sample([_pause, _resume, _cancel], dice.choice([0, 0, 1, 2])):
        stage.virtual.at(dice.uniform(0, 40), partial(act, run))
    if dice.random() < 0.2:
        stage.virtual.at(dice.uniform(0, 20), lambda: _hold(stage, True))
        stage.virtual.at(dice.uniform(20, 80), lambda: _hold(stage, False))
    # Whatever was paused, by an operator or by us, is resumed in the end.
    for minute in (3, 25, 55):
        stage.virtual.at(minute * 60.0, lambda: _resume(run))


def _stop(run: Run, number: str) -> None:
    run.stage.stop(run.shop, number)
    run.stopped[number] = run.stage.virtual.now()


def _hold(stage: Stage, holding: bool) -> None:
    stage.safety.holding = holding


def _pause(run: Run) -> None:
    _change(run, lambda b: b.runs, state=BroadcastState.PAUSED)


def _resume(run: Run) -> None:
    if _change(run, lambda b: b.state is BroadcastState.PAUSED, state=BroadcastState.SENDING):
        run.stage.wake(run.broadcast)


def _cancel(run: Run) -> None:
    run.cancelled |= _change(run, lambda b: not b.over, state=BroadcastState.CANCELLED)


def _change(run: Run, possible: Callable[[Broadcast], bool], state: BroadcastState) -> bool:
    if not possible(run.stage.header(run.broadcast)):
        return False
    run.stage.change(run.broadcast, state=state, held="")
    return True


def check(run: Run) -> None:
    """Nobody twice, nobody lost, nobody after STOP; and what is said of it is true."""
    stage, texts = run.stage, run.stage.carrier.texts
    report = stage.report(run.broadcast)
    assert not texts or max(texts.values()) == 1, "a number was texted twice"
    assert not stage.memory.rows("TS#"), "a task never ends"
    sent, uncertain = report.get("sent", 0), report.get("uncertain", 0)
    assert sent <= len(texts) <= sent + uncertain
    assert uncertain <= (run.kills + run.lost) * run.slice_size
    if stage.carrier.lookups:
        assert not uncertain
    assert run.cancelled or "skipped:cancelled" not in report
    if not run.cancelled and not uncertain:
        refused = set(run.stopped) | stage.carrier.out | stage.carrier.invalid
        assert set(run.shop.numbers.values()) - set(texts) <= refused
