"""ECO-19 as a property: however the switch is turned and whatever breaks, nobody is told twice."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.walk.test_contacts import _earns as earns
from tests.world.exporting import Exporting, exporting, new_email
from tests.world.faults import VISIBILITY, Killed, Request, Wire, settle
from tests.world.mailbox import failures, lost, mailed, refused, switch, tells, verify
from tests.world.world import World

FLIP, EARN, PART, RUN = "flip", "earn", "part", "run"
LOST, DIED, AWAY = "lost", "died", "away"
steps = st.lists(
    st.sampled_from([FLIP, FLIP, EARN, EARN, PART, PART, RUN, LOST, DIED, AWAY]),
    min_size=3,
    max_size=10,
)


class _Trouble:
    """Breaks the next telling as it was asked to."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.broken = 0

    def before(self, request: Request) -> None:
        if tells(request) and self.next and self.next[0] == AWAY:
            self.next.pop(0)
            raise refused(request)

    def after(self, request: Request) -> None:
        if tells(request) and self.next and self.next[0] != AWAY:
            self.broken += 1
            raise lost(request, died=self.next.pop(0) == DIED)


def _plays(shop: Exporting, wire: Wire, what: list[str]) -> tuple[list[int], int]:
    """Play the steps; return the points given, each in one go, and how many tellings were lost."""
    trouble = _Trouble()
    given_points: list[int] = []
    sides: Iterator[str] = itertools.cycle(["own", "platform"])
    with wire.failing(before=trouble.before, after=trouble.after):
        for step in [*what, RUN]:
            if step == FLIP:
                switch(shop, next(sides))
            elif step == EARN:
                given_points.append(2 ** len(given_points))
                earns(shop, "c-1", given_points[-1], f"gift {len(given_points)}")
            elif step == PART:
                _works(shop, _once)
            elif step == RUN:
                _works(shop, settle)
            else:
                trouble.next.append(step)
        trouble.next.clear()
        _works(shop, settle)
    return given_points, trouble.broken


def _once(house: World) -> None:
    """Let three minutes go by, and every task that is due then be tried once."""
    house.clock.advance(timedelta(minutes=3))
    house.sweep()
    house.pump()


def _works(shop: Exporting, off: Callable[[World], None]) -> None:
    """Work tasks off, whoever dies over it."""
    while True:
        try:
            off(shop.world)
        except Killed:
            shop.world.cold()
            shop.world.clock.advance(VISIBILITY)
        else:
            return


def test_however_the_switch_is_turned_nobody_is_told_twice(house: World) -> None:
    """ECO-19: at most one sender and one telling per change, whatever is turned, lost or repeated;
    exactly one of each that was not lost, and of each lost one an operator knows."""
    verify()
    shop = exporting(house)
    shop.customer("c-1", new_email())
    settle(house)
    kept, wire = house.kept(), Wire(house)
    seen: Counter[str] = Counter()

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example([FLIP, EARN, LOST, RUN, FLIP, RUN])
    @example([FLIP, EARN, AWAY, PART, PART, FLIP, RUN])
    @example([EARN, DIED, FLIP, RUN, FLIP])
    @example([FLIP, EARN, AWAY, RUN, FLIP, EARN])
    @given(steps)
    def any_sequence(what: list[str]) -> None:
        house.back_to(kept)
        house.cold()
        events, mails = len(shop.events()), len(mailed())
        points, broken = _plays(shop, wire, what)
        told = Counter(json.loads(e["value"])["change"] for e in shop.events()[events:])
        ours = [mail for mail in mailed()[mails:] if mail.label == "credit"]
        told += Counter(n for n in points for mail in ours if f"by +{n}." in mail.text)
        # What was lost had arrived: our own hooks break the way back alone.
        assert told == dict.fromkeys(points, 1)
        assert len(failures(shop)) == broken
        seen.update(own=len(ours), platform=len(told) - len(ours), lost=broken)

    any_sequence()
    assert min(seen[name] for name in ("own", "platform", "lost")) > 0, seen
