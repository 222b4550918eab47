"""One seed, from its first day to the last: what is drawn, what is disturbed, what is looked at."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tests.simulation.acts import Acts, hours
from tests.simulation.checks import Checks
from tests.simulation.house import House, house
from tests.simulation.shop import ZONES, opens
from tests.simulation.trace import Trace
from tests.simulation.wire import Troubles

# Both changes of the clocks, ends of months, the end of a year, and of February in leap years.
STARTS: Final = (
    datetime(2024, 2, 24, 7, tzinfo=UTC),
    datetime(2026, 2, 20, 21, tzinfo=UTC),
    datetime(2026, 3, 5, 3, tzinfo=UTC),
    datetime(2026, 3, 25, 11, tzinfo=UTC),
    datetime(2026, 10, 22, 19, tzinfo=UTC),
    datetime(2026, 10, 30, 2, tzinfo=UTC),
    datetime(2027, 12, 24, 13, tzinfo=UTC),
    datetime(2028, 1, 27, 23, tzinfo=UTC),
    datetime(2028, 2, 26, 16, tzinfo=UTC),
)
_DAY: Final = 86_400.0
_CALM: Final = 3 * _DAY


class SeedFailedError(AssertionError):
    """A seed broke an invariant; the cause says which, `trace` where."""

    def __init__(self, seed: int, trace: Trace, cause: BaseException) -> None:
        self.seed, self.trace = seed, trace
        newest = "\n".join(trace.newest[-12:])
        super().__init__(
            f"seed {seed}, step {trace.steps}: {type(cause).__name__}: {cause}\n{newest}\n"
            f"replay: make simulate SEED={seed}"
        )


@dataclass
class Played:
    """What came of a seed."""

    seed: int
    trace: Trace


def play(seed: int, say: Callable[[str], None] | None = None) -> Played:
    """Play a seed to its end. Raises SeedFailedError."""
    dice = random.Random(seed)
    start = dice.choice(STARTS)
    with house(dice, start, say) as ground:
        try:
            _play(ground, dice)
        except BaseException as cause:
            raise SeedFailedError(seed, ground.trace, cause) from cause
        return Played(seed, ground.trace)


def _play(ground: House, dice: random.Random) -> None:
    days = dice.randint(8, 24)
    zones = dice.sample(ZONES, dice.choice([1, 1, 2]))
    shops = [opens(ground, dice, f"m{n}", zone) for n, zone in enumerate(zones, 1)]
    ground.virtual.run(ground.virtual.monotonic() + 60)
    acts = [Acts(ground, shop, dice, days) for shop in shops]
    checks = Checks(ground, acts)
    ground.wire.troubles = _drawn(dice)
    for each in acts:
        each.plan()
    hours(ground, dice, days)
    began = ground.virtual.monotonic()
    for day in range(days):
        ground.virtual.run(began + (day + 1) * _DAY)
        checks.meanwhile()
    ground.trace.step("CALM")
    ground.wire.troubles = Troubles(yields=ground.wire.troubles.yields)
    checks.at_the_end(_calms_down(ground, dice, checks))


def _drawn(dice: random.Random) -> Troubles:
    """Draw how bad it is: some seeds are quiet in one respect, or in all but one."""
    kind = dice.choice([0.0, 0.5, 1.0, 1.0, 2.0])
    return Troubles(
        killed=dice.choice([0.0, 0.001, 0.003, 0.01]) * kind,
        yields=dice.choice([0.05, 0.2, 0.5]),
        refused=dice.choice([0.0, 0.01, 0.05]) * kind,
        lost=dice.choice([0.0, 0.005, 0.02]) * kind,
        platform_fails=dice.choice([0.0, 0.02, 0.1]) * kind,
        platform_lost=dice.choice([0.0, 0.01, 0.05]) * kind,
        queue_fails=dice.choice([0.0, 0.02]) * kind,
        repeated=dice.choice([0.0, 0.05, 0.2]) * kind,
        dropped=dice.choice([0.0, 0.02, 0.1]) * kind,
        late=dice.choice([0.0, 0.05, 0.2]) * kind,
    )


def _calms_down(ground: House, dice: random.Random, checks: Checks) -> datetime:
    """Let three days go by in which nothing fails, and return when the last hour was run."""
    ends = ground.virtual.monotonic() + _CALM
    hours(ground, dice, 3)
    ground.virtual.run(ends)
    last = ground.virtual.now()
    ground.spawn(0, "the last hour", lambda: ground.hour(last))
    ground.virtual.run(ends + _DAY / 2)
    return last
