"""Read a shop's lists of groups and shoppers, page by page, and do what follows from each page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Final

from concord.domain.errors import PermanentError, StorageUnavailableError
from concord.domain.groups import Group, is_group_id
from concord.domain.imports import fingerprint
from concord.domain.jobs import Job, JobState
from concord.domain.source import SourcePage, SourceShopper
from concord.domain.sync import NEVER_ENDS, UNREADABLE, Phase, Place, ShopperOutcome
from concord.ports import Clock, GroupAudience, Groups, ImportParts, ShopperSource
from concord.services.authenticate import Authenticated
from concord.services.mirror_source import MirrorSource

# Shoppers side by side; the SDK keeps ten connections open.
_WORKERS: Final = 8
# Five messages of the bulk queue share an invocation of 30 s.
_BEGINS_WITHIN: Final = timedelta(seconds=2)
_ENDS_WITHIN: Final = timedelta(seconds=4)
_MAX_PAGES: Final = 100_000
_ATTEMPTS: Final = 5

type Note = Callable[[Job], None]
type Mirrored = tuple[str, ShopperOutcome]
type Position = tuple[str, str]


class ReadSource:
    """One slice of a full read.

    `created`, `updated` and what was `skipped` (by reason) count shoppers, and besides them each
    number or group that was left out. Before a page is asked for, its moment is noted; shoppers are
    saved as of that moment. So a page that is read once more, because its worker died or ran out of
    time, tells whom it saved before, and everybody counts once.

    Who is in a group here and was listed on no page leaves her groups, at the end: but only where
    every page came, every entry could be read, and no fewer came than the shop says there are.
    """

    def __init__(
        self,
        *,
        mirror: MirrorSource,
        audience: GroupAudience,
        groups: Groups,
        seen: ImportParts,
        clock: Clock,
    ) -> None:
        self._mirror = mirror
        self._audience = audience
        self._groups = groups
        self._seen = seen
        self._clock = clock

    def __call__(self, opened: Authenticated, source: ShopperSource, job: Job, note: Note) -> None:
        """Read on from the job's cursor while there is time; the first page always. `note` keeps
        the job, the last time with all that is done. Raises PlatformError, StorageError.
        """
        began = self._clock.now()
        in_time = True
        while in_time and not job.ended:
            place = Place.read(job.cursor)
            if place.phase is Phase.GROUPS:
                job = self._name_groups(opened, source, job, place)
            else:
                place = place.asked(self._clock.now())
                job = replace(job, cursor=place.write())
                note(job)
                job, in_time = (
                    self._save_page(opened, source, job, place)
                    if place.phase is Phase.SHOPPERS
                    else self._take_out(opened, job, place)
                )
            note(job)
            in_time = in_time and self._clock.now() - began < _BEGINS_WITHIN

    # --- groups ------------------------------------------------------------------------------

    def _name_groups(
        self, opened: Authenticated, source: ShopperSource, job: Job, place: Place
    ) -> Job:
        """Read a page of groups; a name that is known causes no write."""
        where = opened.connection.merchant_id, opened.connection.connection_id
        page = source.groups(place.cursor)
        known = {group.group_id: group.name for group in self._audience.counts(*where)}
        groups = [group for group in page.items if is_group_id(group.group_id)]
        for group in groups:
            if known.get(group.group_id) != group.name:
                self._name(Group(*where, group.group_id, group.name, version=0))
        place = _behind(place, page)
        place = place if place.cursor is not None else place.next_phase()
        return replace(job, cursor=place.write()).note(groups=len(groups))

    def _name(self, named: Group) -> None:
        """Keep a group's name; one that the shop has deleted meanwhile is left to go."""
        for _ in range(_ATTEMPTS):
            before = self._groups.get(named.merchant_id, named.connection_id, named.group_id)
            group = before or named
            if before is not None and (before.deleted or before.name == named.name):
                return
            wanted = replace(group, name=named.name, version=group.version + 1)
            if self._groups.save(wanted, None, self._clock.now()):
                return
        raise StorageUnavailableError("this group kept changing")

    # --- shoppers ----------------------------------------------------------------------------

    def _save_page(
        self, opened: Authenticated, source: ShopperSource, job: Job, place: Place
    ) -> tuple[Job, bool]:
        """Read a page of shoppers and save them; False = time was up before all were saved."""
        page = source.shoppers(place.cursor)
        mirrored = self._mirror_all(opened, page.items, place)
        if mirrored is None:
            return job, False
        listed = {fingerprint(shopper_key) for shopper_key, _ in mirrored}
        self._seen.note(job.job_id, place.page, listed)
        job = _told(job, page, [outcome for _, outcome in mirrored])
        place = _behind(place, page)
        if place.cursor is None and not place.saw_all:
            return _done(job), True
        place = place if place.cursor is not None else place.next_phase()
        return replace(job, cursor=place.write()), True

    def _mirror_all(
        self, opened: Authenticated, shoppers: Sequence[SourceShopper], place: Place
    ) -> list[Mirrored] | None:
        """Save the shoppers of a page side by side; None = time was up first."""
        ends_at = self._clock.now() + _ENDS_WITHIN
        at = place.at or ends_at
        once = {each.shopper_id: each for each in shoppers}

        def one(each: SourceShopper) -> Mirrored | None:
            in_time = self._clock.now() < ends_at
            return self._mirror(opened, each, at) if in_time else None

        with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
            # The first failure ends the iteration, and that cancels what has not begun.
            mirrored = list(pool.map(one, once.values()))
        done = [each for each in mirrored if each is not None]
        return done if len(done) == len(mirrored) else None

    # --- who is listed no more ---------------------------------------------------------------

    def _take_out(self, opened: Authenticated, job: Job, place: Place) -> tuple[Job, bool]:
        """Take those out of their groups who were on no page; False = time was up first."""
        seen = self._seen.noted(job.job_id, _MAX_PAGES)
        began = self._clock.now()
        left = 0
        done: Position | None = None
        for position in self._members(opened, place.cursor):
            if done is not None and self._clock.now() - began >= _ENDS_WITHIN:
                return _behind_leavers(job, place, done, left), False
            done = position
            shopper_key = position[1]
            name = fingerprint(shopper_key)
            if name not in seen:
                seen.add(name)  # she may be in more groups, and counts once
                at = place.at or began
                left += self._mirror.leaves(opened.connection, shopper_key, job.created_at, at)
        return _done(_behind_leavers(job, place, None, left).note(complete=1)), True

    def _members(self, opened: Authenticated, cursor: str | None) -> Iterator[Position]:
        """Yield the members of all groups, as group and shopper key, behind the one that the
        cursor names."""
        where = opened.connection.merchant_id, opened.connection.connection_id
        start, after = json.loads(cursor) if cursor else ("", "")
        for counted in self._audience.counts(*where):
            if counted.group_id >= start:
                group = Group(*where, counted.group_id, counted.name)
                behind = after if counted.group_id == start else ""
                for shopper_key in self._groups.members(group, behind):
                    yield counted.group_id, shopper_key


def _behind_leavers(job: Job, place: Place, position: Position | None, left: int) -> Job:
    place = place.after(json.dumps(position) if position else None)
    return replace(job, cursor=place.write()).note(left=left)


def _behind[T](place: Place, page: SourcePage[T]) -> Place:
    """Return the place behind a page. Raises PermanentError for a list without an end."""
    if place.page >= _MAX_PAGES:
        raise PermanentError("the list has no end", reason=NEVER_ENDS)
    return place.after(page.cursor, len(page.items), page.unreadable, page.total)


def _told(job: Job, page: SourcePage[SourceShopper], outcomes: Sequence[ShopperOutcome]) -> Job:
    """Return the job with a page more done. What was left out of shoppers counts besides them."""
    twice = len(page.items) - len(outcomes)  # entries of a shopper who is on the page already
    lost = [reason for outcome in outcomes for reason in outcome.lost]
    skipped = [outcome.skipped for outcome in outcomes if outcome.skipped]
    beside = job.notes.get("beside", 0) + len(lost) - twice
    job = job.note(beside=len(lost) - twice).tell(
        created=sum(outcome.created for outcome in outcomes),
        updated=sum(outcome.updated for outcome in outcomes),
        skipped=[(reason, None) for reason in (*skipped, *lost, *[UNREADABLE] * page.unreadable)],
    )
    total = job.total if page.total is None else page.total + beside
    return replace(job, total=max(total, job.done), counted=page.total is not None)


def _done(job: Job) -> Job:
    return replace(job, state=JobState.DONE, total=job.done)
