"""One random year of one merchant: every night comes, early, late or days late, and every day of
the year adds up and closes with what the accounts say."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.nights import DynamoDbNights, DynamoDbReports
from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.merchant import Merchant
from concord.domain.points.account import AccountKey, Pending
from concord.domain.points.posting import (
    Entry,
    EntryKind,
    Occasion,
    Posting,
    accrue,
    commit,
    ending_id,
    give_back,
    hold,
    pend,
    reverse,
)
from concord.domain.points.programme import Programme, RefundPolicy, Validity
from concord.domain.tasks import RowKey, Task
from concord.services.defer_tasks import DeferTasks
from concord.services.end_night import EndNight
from concord.services.post_points import PostPoints
from concord.services.run_night import RunNight
from concord.services.start_nights import StartNights
from tests.support.builders import audit
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.points_members import COLUMNS, folded
from tests.support.points_oracle import FOREVER
from tests.support.stand_ins import NoQueue, Quiet

SEED = 20_260_101
ZONE = ZoneInfo("Europe/Prague")
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
# In Prague: a day of 23 hours, and one of 25.
CLOCKS_CHANGE = (date(2026, 3, 29), date(2026, 10, 25))
ONE_DAY = timedelta(days=1)
MEMBERS = [AccountKey("shop", "main", f"m{number}") for number in range(6)]
PROGRAMME = Programme("shop", "main", "Points", "CZK", valid_for=Validity(days=20))


class Year:
    """The shop's year, over the services and adapters that ship. Its clock only moves forward."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)
        self.memory = MemoryDynamoDb()
        self.table = table = Table("memory", self.memory, sleep=lambda _: None)  # type: ignore[arg-type]
        self.at = datetime.combine(FIRST, time(0), ZONE)
        self.ledger, self.reports = DynamoDbLedger(table), DynamoDbReports(table)
        self.post = PostPoints(self.ledger, self, lambda _: (), sleep=lambda _: None)
        self.tasks = DynamoDbTasks(table)
        self.holds: list[tuple[AccountKey, Entry]] = []
        self.number = 0
        merchants, programmes = DynamoDbMerchants(table), DynamoDbProgrammes(table, self.now)
        merchants.put(Merchant("shop", "Kavarna", ZONE.key, "CZ"), audit())
        assert programmes.save(PROGRAMME)
        nights, telemetry, links = DynamoDbNights(table), Quiet(), DynamoDbConnections(table)
        self.start = StartNights(
            nights=nights, merchants=merchants, clock=self, telemetry=telemetry
        )
        self.run = RunNight(
            ledger=self.ledger,
            post=self.post,
            programmes=programmes,
            nights=nights,
            merchants=merchants,
            connections=links,
            end=EndNight(
                nights=nights,
                reports=self.reports,
                ledger=self.ledger,
                programmes=programmes,
                merchants=merchants,
                clock=self,
                telemetry=telemetry,
            ),
            tasks=self.tasks,
            defer=DeferTasks(
                tasks=self.tasks,
                queue=NoQueue(),  # type: ignore[arg-type]
                connections=links,
                clock=self,
                telemetry=telemetry,
                keep_untold=lambda *_: None,
                rng=self.random,
            ),
            clock=self,
            telemetry=telemetry,
        )

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    # --- a day -------------------------------------------------------------------------------

    def day(self, today: date, *, with_night: bool) -> None:
        """Let a day go by: something may happen ahead of its night, at 00:05, and until 23:59."""
        acts = 4 if today in CLOCKS_CHANGE else self.random.randint(0, 4)
        times = sorted(
            time(self.random.randrange(24), self.random.randrange(60)) for _ in range(acts)
        )
        if acts == 4:
            times[0], times[-1] = time(0, 5), time(23, 59)
        begins = time(self.random.choice([0, 1, 3]), 30) if with_night else None
        for moment in sorted({*times, *([begins] if begins else [])}):
            self.at = datetime.combine(today, moment, ZONE)
            if moment == begins:
                self.night()
            if moment in times:
                self.act(today)

    def night(self) -> None:
        """Run the hourly schedule, and every night that follows from it."""
        self.start(self.now())
        while rows := self.memory.rows("TN#"):
            for row in rows:
                task = self.tasks.lease(RowKey(row["pk"], row["sk"]), "worker", self.now())
                assert isinstance(task, Task)
                self.run(task)

    def act(self, today: date) -> None:
        """Let one of the members do something."""
        key, points = self.random.choice(MEMBERS), self.random.randint(1, 60)
        ends = PROGRAMME.expires_on(today)
        policy = self.random.choice(list(RefundPolicy))
        acts = ["earn", "earn", "wait", "refund", "hold", "hold", "end", "adjust"]
        act = "earn" if today in CLOCKS_CHANGE else self.random.choice(acts)
        match act:
            case "earn":
                kind = self.random.choice([EntryKind.ACCRUE, EntryKind.REWARD, EntryKind.REISSUE])
                self.book(key, today, partial(accrue, points=points, expires_on=ends, kind=kind))
            case "wait":
                active = today + timedelta(days=self.random.randint(1, 9))
                waiting = Pending(f"o{self.number}", active, PROGRAMME.expires_on(active), points)
                self.book(key, today, partial(pend, pending=waiting))
            case "refund" | "adjust":
                kind = EntryKind.REVERSE if act == "refund" else EntryKind.ADJUST
                waits = self.ledger.account(key).pending
                ref = waits[0].ref if waits else None
                take = partial(reverse, points=points, policy=policy, ref=ref, kind=kind)
                self.book(key, today, take)
            case "hold":
                entry = self.book(key, today, partial(hold, points=points))
                if entry is not None:
                    self.holds.append((key, entry))
            case "end" if self.holds:
                self.end(today, *self.holds.pop(self.random.randrange(len(self.holds))))

    def end(self, today: date, key: AccountKey, held: Entry) -> None:
        """End a hold: released, or committed and perhaps brought back."""
        ending = ending_id(held.entry_id)
        back = partial(give_back, lots=held.lots)
        if self.random.random() < 0.4:
            self.book(key, today, partial(back, kind=EntryKind.RELEASE), ending)
            return
        self.book(key, today, commit, ending)
        if self.random.random() < 0.5:
            self.book(key, today, partial(back, kind=EntryKind.REIMBURSE))

    def book(
        self, key: AccountKey, today: date, decide: Callable[..., Posting | None], name: str = ""
    ) -> Entry | None:
        self.number += 1
        why = Occasion(name or f"e{self.number}", self.now(), today)
        return self.post(key, why.entry_id, lambda account: decide(account, why=why)).entry

    # --- what the accounts say ---------------------------------------------------------------

    def balances(self) -> int:
        """Return what all members have, by their accounts."""
        return sum(self.ledger.account(key).balance for key in MEMBERS)

    def by_hand(self) -> dict[date, Counter[str]]:
        """Return what every day moved, by column, from the entries of all accounts and by the
        merchant's day of each; see each account fold from its entries."""
        found: dict[date, Counter[str]] = defaultdict(Counter)
        for key in MEMBERS:
            account, entries = self.ledger.account(key), self.ledger.entries(key)
            lots = {lot.expires_on or FOREVER: lot.points for lot in account.lots}
            assert folded(entries) == (lots, account.owed, account.pending_points)
            for entry in entries:
                day = entry.at.astimezone(ZONE).date()
                if entry.points:
                    found[day][COLUMNS[entry.kind]] += entry.points
        return found


def test_every_day_of_a_random_year_adds_up() -> None:
    """L-03, R-19, reliability 21: opening + earned - reversed - redeemed + reimbursed - expired +-
    adjusted = closing = what the accounts fold to at midnight; also where the clocks change, and
    where nights were missed."""
    year = Year()
    at_midnight: dict[date, int] = {}
    today, late = FIRST, 0
    while today <= LAST:
        if late == 0 and year.random.random() < 0.1 and today < LAST - 4 * ONE_DAY:
            late = year.random.randint(1, 3)
        year.day(today, with_night=not late)
        late = max(0, late - 1)
        at_midnight[today] = year.balances()
        today += ONE_DAY
    year.at = datetime.combine(today, time(0, 30), ZONE)
    year.night()

    moved, closing, seen = year.by_hand(), 0, Counter[str]()
    for day, balances in at_midnight.items():
        report = year.reports.get("shop", "main", day)
        assert report is not None, day
        assert report.adds_up, day
        assert report.opening == closing, day
        shown = {name: points for name, points in report.moved.items() if points}
        assert shown == {name: points for name, points in moved[day].items() if points}, day
        assert report.closing == balances, day
        closing = report.closing
        seen.update({name: 1 for name, points in report.moved.items() if points})
    assert len(at_midnight) == 365
    assert all(moved[day] for day in CLOCKS_CHANGE)
    assert min(seen.values()) > 10, "each kind has its days"
    assert set(seen) == {"earned", "reversed", "redeemed", "reimbursed", "expired", "adjusted"}
