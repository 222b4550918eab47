"""Nights in the one table: who is watched in which zone, parts that are done, notices, reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from concord.adapters.dynamodb import ledger_keys, night_keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, delete, put, update
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.points.night import (
    NIGHT_SHARDS,
    ONE_DAY,
    Night,
    Notice,
    Shard,
    Watched,
    night_task,
)
from concord.domain.points.report import COLUMNS, DayReport
from concord.domain.tasks import TaskSpec

# Once a night is done its row is of no use; three months show how the nights went.
_KEPT_FOR: Final = timedelta(days=90)
_ABSENT: Final = "attribute_not_exists(pk)"


def watch(merchant_id: str, zone: str, through: date) -> list[dict[str, Any]]:
    """Return the actions from which on a merchant's nights are kept, if they are not yet: the first
    is the one after `through`."""
    return [
        put(night_keys.zone(zone), {}),
        update(
            night_keys.watched(zone, merchant_id),
            "SET #through = if_not_exists(#through, :through)",
            through=through.isoformat(),
        ),
    ]


def move(table: Table, merchant_id: str, before: str, after: str) -> list[dict[str, Any]]:
    """Return the actions that take a merchant from one zone to another; none if he is not watched.
    What is done stays done: no local day has two nights, and none is left out."""
    row = night_keys.watched(before, merchant_id)
    item = table.get(row)
    if item is None:
        return []
    through = item["through"]
    return [
        delete(row, "#through = :through", through=through),
        put(night_keys.zone(after), {}),
        put(night_keys.watched(after, merchant_id), {"through": through}),
    ]


class DynamoDbNights:
    """Nights over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def watched(self) -> Iterator[Watched]:
        """Yield every merchant whose nights are kept."""
        zones = self._table.query("pk = :pk", consistent=False, pk=night_keys.ZONES_PK)
        for name in [item["sk"] for item in zones]:
            found = self._table.query("pk = :pk", consistent=False, pk=night_keys.zone_pk(name))
            for item in found:
                yield Watched(item["sk"], name, date.fromisoformat(item["through"]))

    def through(self, merchant_id: str, zone: str) -> date | None:
        """Read the last local day that is done."""
        item = self._table.get(night_keys.watched(zone, merchant_id))
        return date.fromisoformat(item["through"]) if item else None

    def begin(self, night: Night, until: date, now: datetime, *, again: bool = False) -> None:
        """Insert the tasks of what is not done, in one transaction if none is there."""
        done = frozenset[int]() if again else self._done(self._table.get(night_keys.night(night)))
        # All done, and still called: a worker died, and its task was lost, before it moved on.
        left = [number for number in range(NIGHT_SHARDS) if number not in done] or [0]
        tasks = [
            write_task(night.merchant_id, night_task(Shard(night, number, until)), now)
            for number in left
        ]
        try:
            self._table.transact(tasks)
        except TransactionRefusedError:
            for task in tasks:
                self._if_absent(task)

    def _if_absent(self, action: dict[str, Any]) -> None:
        try:
            self._table.write(action)
        except ConditionFailedError:
            return

    def shard_done(self, night: Night, number: int) -> bool:
        """Note that a part is done; a set, so that a repeat counts once."""
        try:
            item = self._table.update(
                night_keys.night(night),
                "SET #expires_at = :expires ADD #done :shards",
                "attribute_not_exists(#done) OR NOT contains(#done, :shard)",
                expires=int((datetime.combine(night.on, time(), UTC) + _KEPT_FOR).timestamp()),
                shards={str(number)},
                shard=str(number),
            )
        except ConditionFailedError as failed:
            return len(self._done(failed.item)) == NIGHT_SHARDS
        return len(self._done(item)) == NIGHT_SHARDS

    @staticmethod
    def _done(item: Item | None) -> frozenset[int]:
        return frozenset(map(int, (item or {}).get("done", ())))

    def move_on(self, night: Night, zone: str) -> bool:
        """Note that a night is done, if it is the next one: none is passed over."""
        try:
            self._table.update(
                night_keys.watched(zone, night.merchant_id),
                "SET #through = :on",
                "#through = :before",
                on=night.on.isoformat(),
                before=night.day_before.isoformat(),
            )
        except ConditionFailedError as failed:
            return failed.item is not None
        return True

    def tell(self, notice: Notice, tasks: Sequence[TaskSpec], now: datetime) -> bool:
        """Note that a member is told, with the tasks that tell her."""
        told = put(
            ledger_keys.notice(notice.key, notice.last_day),
            {"days": notice.days},
            f"{_ABSENT} OR #days > :days",
            days=notice.days,
        )
        writes = [write_task(notice.key.merchant_id, task, now) for task in tasks]
        try:
            self._table.transact([told, *writes])
        except TransactionRefusedError:
            return False
        return True


class DynamoDbReports:
    """Reports over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str, programme_id: str, on: date) -> DayReport | None:
        """Read the report of a day."""
        item = self._table.get(night_keys.report(merchant_id, programme_id, on))
        return _report_from(item) if item else None

    def last(self, merchant_id: str, programme_id: str, before: date) -> DayReport | None:
        """Read the newest report of a day before `before`: as a rule that of the day before."""
        yesterday = self.get(merchant_id, programme_id, before - ONE_DAY)
        if yesterday is not None:
            return yesterday
        found = self._table.query(
            "pk = :pk AND sk < :before",
            newest_first=True,
            pk=night_keys.reports_pk(merchant_id, programme_id),
            before=before.isoformat(),
        )
        item = next(found, None)
        return _report_from(item) if item else None

    def keep(self, merchant_id: str, programme_id: str, report: DayReport) -> None:
        """Put it, unless there is one of that day."""
        key = night_keys.report(merchant_id, programme_id, report.on)
        try:
            self._table.put(key, _report_item(report), _ABSENT)
        except ConditionFailedError:
            return


def _report_item(report: DayReport) -> Item:
    return {
        "opening": report.opening,
        **report.moved,
        "closing": report.closing,
        "change": report.change,
        "gaps": report.gaps,
        "entries": report.entries,
        "pending": report.pending,
    }


def _report_from(item: Item) -> DayReport:
    return DayReport(
        on=date.fromisoformat(item["sk"]),
        opening=item["opening"],
        moved={name: item[name] for name in COLUMNS},
        change=item["change"],
        gaps=item["gaps"],
        entries=item["entries"],
        pending=item["pending"],
    )
