"""A shopper as her shop knows her."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from concord.domain.identity import Channel

# Her departure may wait in the safety queue, and then asks what she had when it came.
_REMEMBERED_FOR: Final = timedelta(days=30)
# The clocks of two processes: a departure right after a save must not miss what that save brought.
_SKEW: Final = timedelta(seconds=1)
# Digests of a shopper who is not as any body of hers says: the next save of her is a change.
REGROUPED: Final = "regrouped"
GONE: Final = "gone"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A point that was hers from `since` (None = from the first) to `until`."""

    channel: Channel
    point: str = field(repr=False)
    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Shopper:
    """A shopper as her shop knows her. `shopper_key` is our keyed name, `shopper_id` theirs.

    `groups_at` is when the shop told all her groups last (None = never, or before we noted it), and
    `first_at` when it told of her first.
    `saved_at` is when the shop's newest word of her was received; `since` says so for each point id
    of hers, and `given_up` remembers what she had before that, for as long as a departure that came
    then may still be on its way. `left_at` is when she left, of one who is not active.
    """

    merchant_id: str
    connection_id: str
    shopper_key: str
    shopper_id: str = field(repr=False)
    profile: Mapping[str, Any] = field(repr=False)
    phones: Mapping[str, str] = field(repr=False)
    emails: Mapping[str, str] = field(repr=False)
    digest: str = ""
    version: int = 0
    active: bool = True
    saved_at: datetime | None = None
    since: Mapping[str, datetime] = field(default_factory=dict)
    given_up: tuple[GivenUp, ...] = field(default=(), repr=False)
    groups_at: datetime | None = None
    left_at: datetime | None = None
    first_at: datetime | None = None

    def following(self, before: Shopper | None, at: datetime) -> Shopper:
        """Return her as a save received at `at` makes her, after what she was `before`."""
        known = before.since if before else {}
        had = before.points() if before else {}
        mine = self.points()
        left = [
            GivenUp(channel, point, known.get(point_id), at)
            for point_id, (channel, point) in had.items()
            if point_id not in mine
        ]
        older = before.given_up if before else ()
        return replace(
            self,
            **self._groups_after(before, at),
            # A first save that died half-way is made again: the repeat is the first.
            first_at=at if before is None or before.died_at_first else before.first_at,
            version=(before.version if before else 0) + 1,
            saved_at=at,
            left_at=None if self.active else self.left_at,
            # A point that was hers before we noted times has none, and counts as always hers.
            since={p: known.get(p, at) for p in mine if p in known or p not in had},
            given_up=(*(g for g in older if at < g.until + _REMEMBERED_FOR), *left),
        )

    def _groups_after(self, before: Shopper | None, at: datetime) -> dict[str, Any]:
        """Return her profile and `groups_at`: a save that names no groups leaves hers alone."""
        if self.profile.get("groups") is not None:
            return {"groups_at": at}
        kept = list(before.groups) if before else []
        profile = {**self.profile, "groups": kept}
        return {"profile": profile, "groups_at": before.groups_at if before else None}

    def in_group(self, group_id: str, *, member: bool) -> Shopper:
        """Return her with a group more or less, by the word of that group and not of her: the next
        save counts, even one that she was saved by before."""
        left = [each for each in self.groups if each != group_id]
        groups = [*left, group_id] if member else left
        profile = {**self.profile, "groups": groups}
        digest = "" if self.unfinished else REGROUPED
        return replace(self, profile=profile, version=self.version + 1, digest=digest)

    def goes_by(self, listed_at: datetime, *, member: bool) -> bool:
        """Whether a list of a group's members that came at `listed_at` says of her what holds.

        It does not where the shop told all her groups after it: that is its newer word. But whom a
        list named before she was known joins with her first save, whatever that save tells.
        """
        if self.groups_at is None or self.groups_at <= listed_at:
            return True
        return member and self.groups_at == self.first_at

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the groups that she is in, each once."""
        return tuple(dict.fromkeys(self.profile.get("groups") or ()))

    @property
    def unfinished(self) -> bool:
        """Whether whoever saved her last may have died before all that it causes was queued."""
        return not self.digest

    @property
    def died_at_first(self) -> bool:
        """Whether she was saved once, by somebody who may have died over it."""
        return self.unfinished and self.version == 1

    def points(self) -> dict[str, tuple[Channel, str]]:
        """Return channel and point of all that is hers now, by point id."""
        return {
            **{point_id: (Channel.SMS, point) for point_id, point in self.phones.items()},
            **{point_id: (Channel.EMAIL, point) for point_id, point in self.emails.items()},
        }

    def points_at(self, at: datetime) -> Iterator[tuple[Channel, str]]:
        """Yield each point that was hers at `at`, once."""
        late = at + _SKEW
        found = {
            held
            for point_id, held in self.points().items()
            if point_id not in self.since or self.since[point_id] <= late
        }
        for old in self.given_up:
            if at < old.until and (old.since is None or old.since <= late):
                found.add((old.channel, old.point))
        yield from sorted(found)

    def spoken_of_after(self, at: datetime) -> bool:
        """Whether the shop saved or removed her after `at`: what a list showed then is older."""
        moments = (self.saved_at, self.left_at)
        return any(moment is not None and moment > at for moment in moments)

    def saved_after(self, at: datetime) -> bool:
        """Whether the shop spoke of her again after `at`: what it said then is younger."""
        return self.saved_at is not None and self.saved_at > at + _SKEW


@dataclass(frozen=True, slots=True)
class Carriers:
    """The shop's own ids of the shoppers that carry a point: the active ones, and those who `left`.
    `unmatched` = a review waits: the shop did not know the point when it was told last."""

    shopper_ids: tuple[str, ...] = field(default=(), repr=False)
    unmatched: bool = False
    left: tuple[str, ...] = field(default=(), repr=False)
