"""A member's points as a shop would keep them by hand: grant by grant, point by point.

Nothing of the product is used here, so what both say is no coincidence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

FOREVER = date.max
_NEXT = timedelta(days=1)


@dataclass(eq=False)
class Grant:
    """Points that came together; `ends` is their last day (FOREVER = none)."""

    ends: date
    left: int = 0


@dataclass(eq=False)
class Waiting:
    """Points of an order in its return window."""

    ref: str
    active: date
    ends: date
    points: int


@dataclass
class Oracle:
    """What one member has, and on which nights somebody has to look."""

    grants: list[Grant] = field(default_factory=list)
    debt: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    hints: set[date] = field(default_factory=set)
    granted: Counter[date] = field(default_factory=Counter)

    # --- what is asked -----------------------------------------------------------------------

    @property
    def balance(self) -> int:
        return sum(grant.left for grant in self.grants) - self.debt

    @property
    def pending(self) -> int:
        return sum(each.points for each in self.waiting)

    def by_day(self) -> dict[date, int]:
        """Return the points left, by their last day."""
        found: Counter[date] = Counter()
        for grant in self.grants:
            found[grant.ends] += grant.left
        return {ends: points for ends, points in found.items() if points}

    def spendable(self, today: date) -> int:
        return sum(grant.left for grant in self.grants if grant.ends >= today) - self.debt

    def due(self, night: date) -> bool:
        """Whether anything is over, or begins to count, by this night."""
        over = any(grant.left and grant.ends < night for grant in self.grants)
        return over or any(each.active <= night for each in self.waiting)

    # --- what happens ------------------------------------------------------------------------

    def give(self, points: int, ends: date, today: date) -> None:
        grant = Grant(ends)
        self.grants.append(grant)
        self.granted[ends] += points
        self._fill([grant] * points, today)

    def give_back(self, taken: list[Grant], today: date) -> None:
        self._fill(taken, today)

    def take(
        self, points: int, first: date | None = None, since: date | None = None
    ) -> list[Grant]:
        """Take up to so many points, one by one, and return where each came from."""
        taken: list[Grant] = []
        while len(taken) < points:
            there = [g for g in self.grants if g.left and (since is None or g.ends >= since)]
            if not there:
                break
            grant = min(there, key=lambda g: (g.ends != first, g.ends))
            grant.left -= 1
            taken.append(grant)
        return taken

    def take_back(self, points: int, *, owes: bool, ref: str | None, first: date | None) -> int:
        """Take back from what waits, then from what is there; return by how much it moved."""
        for each in self.waiting:
            while points and each.points and each.ref == ref:
                each.points -= 1
                points -= 1
        self.waiting = [each for each in self.waiting if each.points]
        taken = len(self.take(points, first))
        if owes:
            self.debt += points - taken
            return -points
        return -taken

    def wait(self, ref: str, active: date, ends: date, points: int, today: date) -> None:
        self.waiting.append(Waiting(ref, active, ends, points))
        self.hints.add(max(active, today + _NEXT))

    def activate(self, ref: str, today: date) -> int:
        ready = [each for each in self.waiting if each.ref == ref and each.active <= today]
        self.waiting = [each for each in self.waiting if each not in ready]
        grants = []
        for each in ready:
            grant = Grant(each.ends)
            grants += [grant] * each.points
            self.grants.append(grant)
            self.granted[each.ends] += each.points
        self._fill(grants, today)
        return len(grants)

    def expire(self, today: date) -> int:
        gone = 0
        for grant in self.grants:
            if grant.ends < today:
                gone += grant.left
                grant.left = 0
        return gone

    def looked_at(self, night: date) -> None:
        """Forget the hint of a night that has no more to do."""
        if not self.due(night):
            self.hints.discard(night)

    def _fill(self, grants: list[Grant], today: date) -> None:
        """Put one point into each place named, earliest first; a debt swallows the first."""
        for grant in sorted(grants, key=lambda g: g.ends):
            if self.debt:
                self.debt -= 1
                continue
            grant.left += 1
            if grant.ends != FOREVER:
                self.hints.add(max(grant.ends, today) + _NEXT)
