"""A merchant's night: which local days are due, and what one of them comes to at an account.

Pure. A night is named by the local day that has begun. What is due follows from that date alone and
never from a clock, so that any night can be worked off late, or again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Occasion, Posting, activate, expire
from concord.domain.points.programme import Programme
from concord.domain.tasks import Task, TaskKind, TaskSpec
from concord.domain.times import local_date

# Of a day's hints, and of a day's entries in the index: so many partitions share them, and so many
# workers a night.
NIGHT_SHARDS: Final = 8
ONE_DAY: Final = timedelta(days=1)
# A day has begun for the night once nothing of the day before is still being booked: its report is
# made at the end of the night.
_SETTLES: Final = timedelta(minutes=10)
_OVER_BY: Final = time(6)
# Orders whose points count from one transaction on: it has at most ten items.
_ORDERS: Final = 2
# The task belongs to the merchant and to none of his connections.
_NOBODYS: Final = "-"


@dataclass(frozen=True, slots=True)
class Night:
    """The night in which the local day `on` of a merchant has begun."""

    merchant_id: str
    on: date

    @property
    def next(self) -> Night:
        """Return the one after it."""
        return Night(self.merchant_id, self.on + ONE_DAY)

    @property
    def day_before(self) -> date:
        """Return the day that is over, and of which a report is made."""
        return self.on - ONE_DAY


@dataclass(frozen=True, slots=True)
class Watched:
    """A merchant whose nights are kept: his zone (IANA), and the last local day that is done."""

    merchant_id: str
    zone: str
    through: date


@dataclass(frozen=True, slots=True)
class Shard:
    """A worker's part of a night. Nights up to `until` follow when all parts are done."""

    night: Night
    number: int
    until: date


# --- which nights are due --------------------------------------------------------------------


def begun(as_of: datetime, zone: str) -> date:
    """Return the newest local day whose night is due at `as_of` (aware): it began ten minutes ago.

    By date and not by hour: a day of 23 or 25 hours has one night as well.
    """
    return local_date(as_of - _SETTLES, zone)


def is_late(merchant: Watched, as_of: datetime) -> bool:
    """Whether the oldest night that is not done was to be over by now: at six in the morning."""
    local = as_of.astimezone(ZoneInfo(merchant.zone)).replace(tzinfo=None)
    return local >= datetime.combine(merchant.through + ONE_DAY, _OVER_BY)


# --- its tasks -------------------------------------------------------------------------------


def night_task(shard: Shard) -> TaskSpec:
    """Return the task of a part of a night."""
    return TaskSpec(
        TaskKind.RUN_NIGHT,
        _NOBODYS,
        f"{shard.night.on.isoformat()}.{shard.number}",
        payload={
            "on": shard.night.on.isoformat(),
            "shard": shard.number,
            "until": shard.until.isoformat(),
        },
    )


def shard_of_task(task: Task) -> Shard:
    """Return what a task of `night_task` is about."""
    said = task.payload
    night = Night(task.merchant_id, date.fromisoformat(said["on"]))
    return Shard(night, int(said["shard"]), date.fromisoformat(said["until"]))


@dataclass(frozen=True, slots=True)
class Notice:
    """A member is told that points of hers expire: `last_day` is the last on which she can use
    them, `days` how far away it was in the night that told her."""

    key: AccountKey
    last_day: date
    days: int


def notice_task(notice: Notice, connection_id: str) -> TaskSpec:
    """Return the task that tells one connection."""
    key, day = notice.key, notice.last_day.isoformat()
    return TaskSpec(
        TaskKind.NOTIFY_EXPIRY,
        connection_id,
        f"{key.programme_id}#{key.member_key}#{day}#{notice.days}",
        payload={
            "programme_id": key.programme_id,
            "member_key": key.member_key,
            "date": day,
        },
    )


# --- what it comes to ------------------------------------------------------------------------


def posting_of(
    account: Account, night: date, at: datetime, today: date, *, lets_go: bool = True
) -> Posting | None:
    """Return what the night of a day books at an account, in one posting; None = nothing.

    Pending points whose day has come count, of a few orders at a time; then what is over goes,
    unless `lets_go` is False. `today` is the merchant's day at `at` (UTC), on which both are
    booked: later than `night` where it is caught up.
    """
    steps: list[Posting] = []
    for ref, order in _orders_due(account, night)[:_ORDERS]:
        details = {"order": order} if order else {}
        why = Occasion(f"activate:{ref}:{night.isoformat()}", at, today, details)
        _add(steps, activate(_after(account, steps), ref, why))
    if lets_go:
        why = Occasion(f"expire:{night.isoformat()}", at, night, booked_on=today)
        _add(steps, expire(_after(account, steps), why))
    if not steps:
        return None
    entries = tuple(entry for step in steps for entry in step.entries)
    hints = tuple(sorted({day for step in steps for day in step.hints}))
    return Posting(steps[-1].account, entries, hints)


def _orders_due(account: Account, night: date) -> list[tuple[str, str]]:
    return list({e.ref: e.order for e in account.pending if e.active_on <= night}.items())


def _after(account: Account, steps: list[Posting]) -> Account:
    return steps[-1].account if steps else account


def _add(steps: list[Posting], step: Posting | None) -> None:
    if step is not None:
        steps.append(step)


def days_told(
    programmes: Iterable[Programme], night: date, today: date
) -> list[tuple[int, frozenset[str]]]:
    """Return for which numbers of days ahead somebody is told in a night, and in which programmes.

    A night that is caught up tells what is still true: the last day must not be past `today`.
    """
    found: dict[int, set[str]] = {}
    for programme in programmes:
        days = programme.notice_days
        if days is not None and night + timedelta(days=days) >= today:
            found.setdefault(days, set()).add(programme.programme_id)
    return [(days, frozenset(ids)) for days, ids in sorted(found.items())]
