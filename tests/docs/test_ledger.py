"""docs/ledger.md: the worked example is played, row by row, and each number in it comes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.table import Table
from concord.domain.points.account import Account, AccountKey, Pending
from concord.domain.points.night import NIGHT_SHARDS
from concord.domain.points.posting import (
    Entry,
    EntryKind,
    Occasion,
    accrue,
    activate,
    commit,
    ending_id,
    expire,
    give_back,
    hold,
    pend,
    reverse,
)
from concord.domain.points.programme import MonthEnd, Programme, RefundPolicy, Validity
from concord.domain.points.report import COLUMNS, DayReport, report_of
from concord.ports.points import Hint
from concord.services.post_points import PostPoints
from tests.docs.pages import ROOT
from tests.support.memory_dynamodb import MemoryDynamoDb

PAGE = (ROOT / "docs" / "ledger.md").read_text()
KEY = AccountKey("shop", "main", "m1")
PROGRAMME = Programme(
    "shop",
    "main",
    "Points",
    "EUR",
    valid_for=Validity(months=2, month_end=MonthEnd.LAST_DAY),
    refund_policy=RefundPolicy.NEGATIVE,
    pending_days=14,
)
_NEW_POINTS = {"reward": EntryKind.REWARD, "adjust": EntryKind.ADJUST}


class Play:
    """The shop of the example, over the real service and adapter."""

    def __init__(self) -> None:
        self.memory = MemoryDynamoDb()
        self.ledger = DynamoDbLedger(Table("memory", self.memory))  # type: ignore[arg-type]
        self.post = PostPoints(self.ledger, self, lambda _: ())
        self.today = date.min
        self.orders: dict[str, tuple[Decimal, date]] = {}
        self.held: Entry | None = None
        self.number = 0

    def now(self) -> datetime:
        return datetime(self.today.year, self.today.month, self.today.day, 12, tzinfo=UTC)

    def act(self, words: list[str]) -> None:
        """Do what a row says."""
        self.number += 1
        match words:
            case ["order", name, amount]:
                self._order(name, Decimal(amount))
            case ["refund", name, amount]:
                self._refund(name, Decimal(amount))
            case ["reward" | "adjust" as kind, points]:
                ends = PROGRAMME.expires_on(self.today)
                self._book(
                    partial(accrue, points=int(points), expires_on=ends, kind=_NEW_POINTS[kind])
                )
            case ["hold", points]:
                self.held = self._book(partial(hold, points=int(points)), "hold")
                assert self.held is not None
            case ["commit"]:
                assert self._book(commit, ending_id("hold")) is not None
            case ["reimburse"]:
                assert self.held is not None
                back = partial(give_back, lots=self.held.lots, kind=EntryKind.REIMBURSE)
                self._book(back)
            case ["night"]:
                self._night()
            case _:
                raise AssertionError(words)

    def _order(self, name: str, amount: Decimal) -> None:
        active = PROGRAMME.usable_from(self.today)
        self.orders[name] = (amount, active)
        points = PROGRAMME.earned(amount)
        waits = Pending(name, active, PROGRAMME.expires_on(active), points)
        self._book(partial(pend, pending=waits))

    def _refund(self, name: str, amount: Decimal) -> None:
        before, active = self.orders[name]
        self.orders[name] = (before - amount, active)
        points = PROGRAMME.earned(before) - PROGRAMME.earned(before - amount)
        lot = PROGRAMME.expires_on(active)
        policy = PROGRAMME.refund_policy
        self._book(partial(reverse, points=points, policy=policy, ref=name, lot_of=lot))

    def _night(self) -> None:
        for shard in range(NIGHT_SHARDS):
            for hint in list(self.ledger.hints("shop", self.today, shard)):
                due = [e for e in self.account.pending if e.active_on <= self.today]
                for ref in dict.fromkeys(each.ref for each in due):
                    self._book(partial(activate, ref=ref), f"activate:{ref}", hint)
                if self._book(expire, f"expire:{self.today}", hint) is None:
                    self.ledger.forget(hint)

    def _book(
        self, decide: Callable[..., object], entry_id: str = "", seen: Hint | None = None
    ) -> Entry | None:
        entry_id = f"{entry_id or self.number}"
        if entry_id in ("hold", ending_id("hold")):
            entry_id += str(sum(e.kind is EntryKind.HOLD for e in self.entries))
        why = Occasion(entry_id, self.now(), self.today)
        decided = partial(decide, why=why)
        return self.post(KEY, entry_id, decided, seen=seen).entry  # type: ignore[arg-type]

    @property
    def account(self) -> Account:
        return self.ledger.account(KEY)

    @property
    def entries(self) -> list[Entry]:
        return self.ledger.entries(KEY)

    def shown(self, before: int) -> list[str]:
        """Return the columns that follow from what was done."""
        account = self.account
        new = [f"{e.kind.value} {e.points:+d}" for e in self.entries[before:]]
        nights = sorted(row["pk"].split("#")[2] for row in self.memory.rows("LH#"))
        return [
            ", ".join(new) or "none",
            str(account.balance),
            str(max(0, account.usable(self.today))),
            str(account.pending_points),
            ", ".join(f"{lot.expires_on}: {lot.points}" for lot in account.lots) or "none",
            ", ".join(nights) or "none",
        ]


def _rows(title: str) -> list[list[str]]:
    section = PAGE.split(f"\n{title}\n", 1)[1].split("\n#", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("| 2")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def _played() -> tuple[Play, list[list[str]]]:
    play, found = Play(), []
    for day, what, *_ in _rows("### The account"):
        play.today = date.fromisoformat(day)
        before = len(play.entries)
        (words,) = re.findall(r"`([^`]+)`", what)
        play.act(words.split())
        found.append([day, what, *play.shown(before)])
    return play, found


def test_every_row_of_the_example_comes_out() -> None:
    """L-03, R-18..R-20: balance, lots, pending and hints after each act."""
    _, found = _played()
    assert len(found) >= 15
    assert _rows("### The account") == found


def test_the_days_of_the_example_add_up() -> None:
    """Reliability 21: each day's report, from the index, opens with what the last one closed."""
    play, _ = _played()
    found, opening = [], 0
    for day in sorted({entry.on for entry in play.entries}):
        report = DayReport(day, opening=opening)
        for shard in range(NIGHT_SHARDS):
            rows = play.ledger.booked("shop", "main", day, shard)
            report = report.and_also(report_of(day, rows))
        assert report.adds_up
        moved = [str(report.moved[name]) for name in COLUMNS]
        found.append([day.isoformat(), str(opening), *moved, str(report.closing)])
        opening = report.closing
    assert _rows("### The days") == found
    assert opening == play.account.balance


def test_the_columns_of_the_days_are_the_reports() -> None:
    head = next(line for line in PAGE.splitlines() if line.startswith("| day | opening"))
    assert [cell.strip() for cell in head.strip("|").split("|")][2:-1] == list(COLUMNS)
