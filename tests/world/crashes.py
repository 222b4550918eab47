"""Ends a process at each of its requests in turn, delivers again, and compares what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.world.faults import VISIBILITY, Killed, Wire, kill_at, settle
from tests.world.person import Deliver, Effect, Person
from tests.world.shop import Shop
from tests.world.world import World


class Watched(Person):
    """A person in a world whose requests are watched."""

    def __init__(self, shop: Shop, wire: Wire) -> None:
        super().__init__(shop)
        self.wire = wire


type Arrange = Callable[[Watched], Deliver]


@dataclass(frozen=True)
class Scene:
    """One event that is ready to be delivered, and how to look at what it came to."""

    deliver: Deliver
    outcome: Callable[[], Any]


def dies_everywhere(
    wire: Wire,
    house: World,
    stage: Callable[[], Scene],
    expected: Any,
    again_after: timedelta = VISIBILITY,
) -> int:
    """Play a new scene undisturbed, then one per request that the process ends at.

    Each is delivered once more to a new process, `again_after` later, and has to come to
    `expected`. Returns how many requests the undisturbed process made. No scene finds rows of the
    one before.
    """
    kept = house.kept()
    whole = stage()
    house.cold()
    wire.calm()
    whole.deliver(1)
    steps = wire.names
    wire.calm()
    settle(house)
    assert whole.outcome() == expected, "nothing was killed"
    assert steps

    # Dying behind request k and ahead of request k + 1 leave the same world behind.
    for side, number in [("before", 1), *(("after", k) for k in range(1, len(steps) + 1))]:
        house.back_to(kept)
        scene = stage()
        house.cold()
        with wire.failing(**{side: kill_at(number)}), pytest.raises(Killed) as killed:
            scene.deliver(1)
        house.clock.advance(again_after)
        house.cold()
        scene.deliver(2)
        settle(house)
        assert scene.outcome() == expected, f"{side} request {number}, {killed.value}"
    return len(steps)


def has_one_effect(
    shop: Shop, arrange: Arrange, expected: Effect, again_after: timedelta = VISIBILITY
) -> None:
    """Let a new person's event die at every request; each time it has its effect, and once."""
    wire = Wire(shop.world)

    def stage() -> Scene:
        person = Watched(shop, wire)
        return Scene(arrange(person), person.effect)

    dies_everywhere(wire, shop.world, stage, expected, again_after)
