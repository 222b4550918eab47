"""Two push workers: one is stopped at every request while the other runs to its end."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta

import pytest

from concord.domain.tasks import LEASE
from tests.world.faults import VISIBILITY, Hook, Killed, Request, Wire, settle
from tests.world.person import Person
from tests.world.shop import Shop

_OVER = LEASE + timedelta(seconds=1)


@dataclass(frozen=True)
class Meanwhile:
    """What happens while worker A stands still."""

    flips: bool
    lease_over: bool
    dies: bool


def _name(meanwhile: Meanwhile) -> str:
    return "-".join(
        [
            "flips" if meanwhile.flips else "same",
            "lease_over" if meanwhile.lease_over else "leased",
            "dies" if meanwhile.dies else "resumes",
        ]
    )


MEANWHILE = [Meanwhile(*flags) for flags in itertools.product((False, True), repeat=3)]


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=_name)
def test_the_peer_ends_in_our_state(shop: Shop, meanwhile: Meanwhile) -> None:
    """TEA-11: stopped anywhere, resumed or dead: CATAPULT ends in our state, whoever was last.

    A stops behind its k-th request, for every k, and ahead of its first one. B gets the same
    message and runs to its end; with `flips` the shopper texted UNSTOP before that.
    """
    wire = Wire(shop.world)
    steps = _Duel(shop, wire, meanwhile).undisturbed()
    assert steps >= 5
    for stop in range(steps + 1):
        duel = _Duel(shop, wire, meanwhile)
        duel.fight(stop)
        expected = "opted_in" if meanwhile.flips else "opted_out"
        assert shop.consent(duel.person.number) == expected
        shown = shop.phones(duel.person.id)[duel.person.number]
        assert shown is meanwhile.flips, f"A stopped at {stop} of {steps}"
        assert shop.contact(duel.person.number) is meanwhile.flips


class _Duel:
    """One number that opted out, its push row, and two workers with the same message."""

    def __init__(self, shop: Shop, wire: Wire, meanwhile: Meanwhile) -> None:
        self._shop = shop
        self._house = shop.world
        self._wire = wire
        self._meanwhile = meanwhile
        self.person = Person(shop).texts("JOIN")
        self.person.text("STOP")(1)
        rows = self.person.rows("push_consent")
        self._row = next(row for row in rows if "catapult" in row["pk"])

    def undisturbed(self) -> int:
        """Run one worker alone; return how many requests it made."""
        self._house.cold()
        self._wire.calm()
        assert self._house.run_task(self._row) == []
        steps = len(self._wire.requests)
        settle(self._house)
        return steps

    def fight(self, stop: int) -> None:
        """Let A run up to its request `stop`, B in between, and A on or not at all."""
        self._house.cold()
        hooks = {"before" if stop == 0 else "after": self._stop_a_at(max(stop, 1))}
        try:
            with self._wire.failing(**hooks):
                assert self._house.run_task(self._row) == []
        except Killed:
            self._house.clock.advance(VISIBILITY)
            self._house.cold()
            self._house.run_task(self._row, receive_count=2)
        settle(self._house)

    def _stop_a_at(self, number: int) -> Hook:
        def hook(request: Request) -> None:
            if request.number != number:
                return
            calm = self._wire.before, self._wire.after
            self._wire.before = self._wire.after = lambda _: None
            self._b_runs()
            if self._meanwhile.dies:
                raise Killed(request.name)
            self._wire.before, self._wire.after = calm

        return hook

    def _b_runs(self) -> None:
        if self._meanwhile.lease_over:
            self._house.clock.advance(_OVER)
        if self._meanwhile.flips:
            assert self.person.text("UNSTOP")(1)["statusCode"] == 204
        self._house.run_task(self._row)
