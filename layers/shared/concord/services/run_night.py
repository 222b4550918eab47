"""Work off a part of a merchant's night: what is over goes, what waited counts, who is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.metrics import Metric
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.night import (
    ONE_DAY,
    Notice,
    Shard,
    days_told,
    notice_task,
    posting_of,
    shard_of_task,
)
from concord.domain.points.posting import Posting
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Merchants, Tasks, Telemetry
from concord.ports.nights import Nights
from concord.ports.points import Hint, Ledger, Programmes
from concord.services.defer_tasks import DeferTasks
from concord.services.end_night import EndNight
from concord.services.post_points import PostPoints
from concord.services.tell_of_points import telling

# A pass; what is left then is the next message's. The lease of a task is twice as long.
_WORKS_FOR: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over a part. `today` is the merchant's day now: later than the night's if that is
    caught up, never earlier."""

    task: Task
    shard: Shard
    today: date
    ends: datetime


class RunNight:
    """The worker of `run_night` tasks. Reads hints and the accounts that they name, never members.

    A hint goes with the posting that answers it, so whoever is killed leaves what is left. Members
    are told after that, from the hints of a later day, which stay: there the place is kept.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        post: PostPoints,
        programmes: Programmes,
        nights: Nights,
        merchants: Merchants,
        connections: Connections,
        end: EndNight,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._ledger = ledger
        self._post = post
        self._programmes = programmes
        self._nights = nights
        self._merchants = merchants
        self._connections = connections
        self._end = end
        self._tasks = tasks
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Do a pass, then put the task off or end it. Raises StorageError."""
        shard, now = shard_of_task(task), self._clock.now()
        merchant = self._merchants.get(task.merchant_id)
        if merchant is not None:
            # A night may be worked off ahead of our clock, if its event says so.
            today = max(shard.night.on, merchant.day(now))
            this = _Pass(task, shard, today, now + _WORKS_FOR)
            if not (self._book_due(this) and self._tell(this)):
                self._defer.wait(task, timedelta(0), "next_slice")
                return
            self._end(shard)
        self._tasks.mark(task, TaskState.DONE, self._clock.now())

    # --- what is due -------------------------------------------------------------------------

    def _book_due(self, this: _Pass) -> bool:
        """Book what is due; False when time is up."""
        night = this.shard.night
        for hint in self._ledger.hints(night.merchant_id, night.on, this.shard.number):
            if self._clock.now() >= this.ends:
                return False
            self._book(this, hint)
        return True

    def _book(self, this: _Pass, hint: Hint) -> None:
        """Book what one account owes to the night; its hint goes with the last posting."""
        night, lets_go = hint.on, True

        def decide(account: Account) -> Posting | None:
            now = self._clock.now()
            return posting_of(account, night, now, this.today, lets_go=lets_go)

        while True:
            posted = self._post(hint.key, f"expire:{night.isoformat()}", decide, seen=hint)
            if posted.known and lets_go:
                # This night let go what was over before; what came back has a hint of its own.
                lets_go = False
            elif posted.known or posted.entry is None:
                self._nothing_left(hint, posted.account)
                return
            elif not posted.account.due_on(night):
                return

    def _nothing_left(self, hint: Hint, account: Account) -> None:
        """Take away a hint that no posting took along; one that leads nowhere stays."""
        if account.seq:
            self._ledger.forget(hint)
            return
        # Left where it is: it is all that there is to look into it with.
        self._telemetry.count(Metric.HINT_WITHOUT_ACCOUNT)
        self._telemetry.info(
            "hint_without_account",
            merchant_id=hint.key.merchant_id,
            programme_id=hint.key.programme_id,
            on=hint.on.isoformat(),
        )

    # --- who is told -------------------------------------------------------------------------

    def _tell(self, this: _Pass) -> bool:
        """Tell members whose points expire soon, once each (ECO-15); False when time is up."""
        night, place = this.shard.night, _Place.of(this.task)
        told = days_told(self._programmes.of(night.merchant_id), night.on, this.today)
        listening = self._listening(night.merchant_id) if told else ()
        if not listening:
            return True
        for days, programmes in told:
            if days < place.days:
                continue
            last_day = night.on + timedelta(days=days)
            after = place.after if days == place.days else None
            hints = self._ledger.hints(
                night.merchant_id, last_day + ONE_DAY, this.shard.number, after
            )
            for hint in hints:
                if self._clock.now() >= this.ends:
                    self._keep(this, _Place(days, after))
                    return False
                if hint.key.programme_id in programmes:
                    self._notice(Notice(hint.key, last_day, days), listening)
                after = hint.key
        return True

    def _listening(self, merchant_id: str) -> tuple[Connection, ...]:
        """Return the connections that are told of points, of whatever programme."""
        return tuple(
            connection
            for connection in self._connections.of_merchant(merchant_id)
            if connection.exports_contacts and connection.state is not ConnectionState.DISCONNECTED
        )

    def _notice(self, notice: Notice, listening: tuple[Connection, ...]) -> None:
        """Tell one member if points of hers expire that day, and anybody knows who she is."""
        told = telling(listening, notice.key.programme_id)
        account = self._ledger.account(notice.key) if told else None
        if account and account.member and account.expiring(notice.last_day) > 0:
            tasks = [notice_task(notice, each.connection_id) for each in told]
            self._nights.tell(notice, tasks, self._clock.now())

    def _keep(self, this: _Pass, place: _Place) -> None:
        """Note how far members were told, for the next pass."""
        now = self._clock.now()
        self._tasks.mark(this.task, TaskState.OPEN, now, {"place": place.as_payload()})


@dataclass(frozen=True, slots=True)
class _Place:
    """How far the members of a part were told: for how many days ahead, and after whom."""

    days: int = 0
    after: AccountKey | None = None

    @classmethod
    def of(cls, task: Task) -> _Place:
        """Return the place that a task keeps; the beginning, if it keeps none."""
        said = task.payload.get("place")
        if said is None:
            return cls()
        member = said.get("member_key")
        after = member and AccountKey(task.merchant_id, said["programme_id"], member)
        return cls(int(said["days"]), after or None)

    def as_payload(self) -> dict[str, object]:
        """Return the place as the task keeps it."""
        if self.after is None:
            return {"days": self.days}
        return {
            "days": self.days,
            "programme_id": self.after.programme_id,
            "member_key": self.after.member_key,
        }
