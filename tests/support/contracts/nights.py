"""The contracts of Nights and Reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from concord.adapters.dynamodb import night_keys
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.nights import DynamoDbNights, DynamoDbReports, watch
from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.task_items import task_key
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.merchant import Merchant
from concord.domain.points.account import AccountKey
from concord.domain.points.night import (
    NIGHT_SHARDS,
    Night,
    Notice,
    Shard,
    Watched,
    night_task,
    notice_task,
    shard_of_task,
)
from concord.domain.points.programme import Programme
from concord.domain.points.report import COLUMNS, DayReport
from concord.domain.tasks import TaskState
from tests.support.builders import NOW, audit
from tests.support.contracts.tasks import leased

ON = date(2026, 11, 21)
NIGHT = Night("m", ON)
NEW_YORK = Merchant("m", "Green Grocer", "America/New_York", "US")
MEMBER = AccountKey("m", "p", "v1.a")


class NightsContract:
    """What every Nights does, and the stores that say whose nights are kept."""

    def test_the_first_programme_begins_the_nights(self, table: Table) -> None:
        """R-19: from tomorrow on, and a second one changes nothing."""
        nights, programmes = DynamoDbNights(table), DynamoDbProgrammes(table, lambda: NOW)
        assert DynamoDbMerchants(table).put(NEW_YORK, audit(connection_id=""))
        assert list(nights.watched()) == []
        first = Programme("m", "p", "Points", "USD")
        assert programmes.save(first)
        assert not programmes.save(replace(first, name="Other"))
        assert programmes.save(first), "the same again"
        assert list(nights.watched()) == [Watched("m", "America/New_York", ON)]
        later = DynamoDbProgrammes(table, lambda: NOW + timedelta(days=3))
        assert later.save(Programme("m", "q", "More", "USD"))
        assert nights.through("m", "America/New_York") == ON

    def test_a_merchant_moves_with_his_nights(self, table: Table) -> None:
        """R-19: in one transaction, unless somebody else moved him meanwhile."""
        nights, merchants = DynamoDbNights(table), DynamoDbMerchants(table)
        merchants.put(NEW_YORK, audit(connection_id=""))
        DynamoDbProgrammes(table, lambda: NOW).save(Programme("m", "p", "Points", "USD"))
        prague = replace(NEW_YORK, time_zone="Europe/Prague")
        assert merchants.put(prague, audit(connection_id=""), NEW_YORK)
        assert list(nights.watched()) == [Watched("m", "Europe/Prague", ON)]
        stale = replace(NEW_YORK, allow_multi_link=True)
        assert not merchants.put(stale, audit(connection_id=""), NEW_YORK)
        assert merchants.get("m") == prague
        assert nights.through("m", "America/New_York") is None

    def test_parts_are_begun_until_they_are_done(self, table: Table) -> None:
        """Reliability 26: a part that is done is not begun again, unless it is asked for."""
        nights, tasks = DynamoDbNights(table), DynamoDbTasks(table)
        keys = [task_key("m", night_task(Shard(NIGHT, n, ON))) for n in range(NIGHT_SHARDS)]
        for _ in range(2):
            nights.begin(NIGHT, ON, NOW)
        found = [tasks.get(key) for key in keys]
        assert [task and shard_of_task(task) for task in found] == [
            Shard(NIGHT, n, ON) for n in range(NIGHT_SHARDS)
        ]
        assert not nights.shard_done(NIGHT, 3)
        for key in keys:
            tasks.mark(leased(tasks, key), TaskState.DONE, NOW)
        nights.begin(NIGHT, ON, NOW)
        assert [tasks.get(key) is None for key in keys] == [n == 3 for n in range(NIGHT_SHARDS)]
        nights.begin(NIGHT, ON, NOW, again=True)
        assert all(tasks.get(key) for key in keys)

    def test_a_night_that_is_done_and_not_noted_is_ended(self, table: Table) -> None:
        """Reliability 26: one part is begun once more, since its end does the rest."""
        nights, tasks = DynamoDbNights(table), DynamoDbTasks(table)
        for number in range(NIGHT_SHARDS):
            nights.shard_done(NIGHT, number)
        nights.begin(NIGHT, ON, NOW)
        keys = [task_key("m", night_task(Shard(NIGHT, n, ON))) for n in range(NIGHT_SHARDS)]
        assert [key for key in keys if tasks.get(key)] == keys[:1]

    def test_all_parts_are_done_once_each_is(self, table: Table) -> None:
        """Reliability 26: a repeat counts once, and hears the same."""
        nights = DynamoDbNights(table)
        for _ in range(2):
            assert [nights.shard_done(NIGHT, n) for n in range(NIGHT_SHARDS - 1)] == [False] * 7
        assert nights.shard_done(NIGHT, NIGHT_SHARDS - 1)
        assert nights.shard_done(NIGHT, 0)

    def test_nights_are_noted_one_after_the_other(self, table: Table) -> None:
        """R-19: none is passed over, and none is taken back."""
        nights = DynamoDbNights(table)
        table.transact(watch("m", "UTC", ON))
        assert nights.move_on(NIGHT.next.next, "UTC")
        assert nights.through("m", "UTC") == ON
        for _ in range(2):
            assert nights.move_on(NIGHT.next, "UTC")
        assert nights.through("m", "UTC") == NIGHT.next.on
        assert not nights.move_on(NIGHT.next.next, "Europe/Prague")
        table.transact(watch("m", "UTC", ON))
        assert nights.through("m", "UTC") == NIGHT.next.on

    def test_a_member_is_told_once_or_nearer(self, table: Table) -> None:
        """ECO-15: notice and tasks together, or neither."""
        nights, tasks = DynamoDbNights(table), DynamoDbTasks(table)
        early, near = Notice(MEMBER, ON, 7), Notice(MEMBER, ON, 3)
        task = notice_task(early, "m.list")
        assert nights.tell(early, [task], NOW)
        row = task_key("m", task)
        tasks.mark(leased(tasks, row), TaskState.DONE, NOW)
        assert not nights.tell(early, [task], NOW)
        assert tasks.get(row) is None
        assert nights.tell(near, [notice_task(near, "m.list")], NOW)
        assert not nights.tell(early, [task], NOW)

    def test_keys_hold_what_they_say(self) -> None:
        assert night_keys.watched("Europe/Prague", "m").pk == "TZ#Europe/Prague"
        assert task_key("m", night_task(Shard(NIGHT, 3, ON))).pk == (
            "TN#m#run_night#-#2026-11-21.3"
        )


class ReportsContract:
    """What every Reports does."""

    def test_a_report_is_kept_as_it_was_made(self, table: Table) -> None:
        """L-03: once; the newest before a day is found over a gap too."""
        reports = DynamoDbReports(table)
        moved = dict.fromkeys(COLUMNS, 0) | {"earned": 70, "expired": -20}
        made = DayReport(ON, 5, moved, 50, 0, 3, -4)
        assert reports.last("m", "p", ON) is None
        reports.keep("m", "p", made)
        reports.keep("m", "p", replace(made, opening=99))
        assert reports.get("m", "p", ON) == made
        assert made.closing == 55
        for ahead in (1, 9):
            assert reports.last("m", "p", ON + timedelta(days=ahead)) == made
        assert reports.last("m", "p", ON) is None
        assert reports.last("m", "q", ON + timedelta(days=1)) is None
