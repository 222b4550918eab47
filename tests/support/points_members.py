"""Members of one programme, for a machine: the real service and the real adapter over DynamoDB in
memory, beside each member's oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis.stateful import RuleBasedStateMachine

from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.table import Table
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.night import NIGHT_SHARDS
from concord.domain.points.posting import Entry, EntryKind, Occasion, Posting
from concord.domain.points.report import DayReport, report_of
from concord.ports.points import Hint
from concord.services.post_points import Posted, PostPoints
from tests.support.counting import Faults
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.points import AT, TODAY
from tests.support.points_oracle import FOREVER, Grant, Oracle

COLUMNS = {
    "accrue": "earned",
    "reward": "earned",
    "reverse": "reversed",
    "hold": "redeemed",
    "release": "redeemed",
    "reimburse": "reimbursed",
    "reissue": "reimbursed",
    "expire": "expired",
    "adjust": "adjusted",
}
NEVER_ENDS = 400  # days ahead

type Decide = Callable[[Account, Occasion], Posting | None]


@dataclass
class Held:
    """A hold, what the oracle took for it, and how it ended."""

    who: str
    hold_id: str
    entry: Entry
    taken: list[Grant]
    ended: EntryKind | None = None
    given_back: bool = False


class Members(RuleBasedStateMachine):
    """What the rules act on. An answer is lost, or a rival comes in between, where a rule says."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryDynamoDb()
        self.client = Faults(self.memory, self._fault)
        table = Table("memory", self.client, sleep=lambda _: None)  # type: ignore[arg-type]
        self.ledger = DynamoDbLedger(table)
        self.post = PostPoints(self.ledger, self, lambda _: (), sleep=lambda _: None)
        self.oracles = {"ana": Oracle(), "bea": Oracle()}
        self.today, self.nights = TODAY, TODAY
        self.opening = self.events = 0
        self.moved: Counter[str] = Counter()
        self.holds: list[Held] = []
        self.booked: list[tuple[str, Entry, Callable[[], Posted]]] = []
        self.loses, self.rival = False, ""
        self.lost: list[int] = []

    if TYPE_CHECKING:  # the machine's own rule: who forgets it is told by AttributeError

        def rival_earns(self, who: str) -> None:
            """Book something else for her, between a posting's read and its write."""

    # --- how ---------------------------------------------------------------------------------

    def now(self) -> datetime:
        return AT + (self.today - TODAY)

    def day(self, ahead: int) -> tuple[date | None, date]:
        """Return a last day as the product takes it and as the oracle does."""
        if ahead == NEVER_ENDS:
            return None, FOREVER
        last = self.today + timedelta(days=ahead)
        return last, last

    def book(
        self, who: str, kind: str, decide: Decide, entry_id: str = "", seen: Hint | None = None
    ) -> Posted:
        self.events += 1
        entry_id = entry_id or f"{kind}:{self.events}"
        why = Occasion(entry_id, self.now(), self.today)

        def again() -> Posted:
            return self.post(key_of(who), entry_id, lambda a: decide(a, why), seen=seen)

        before = len(self.lost)
        posted = again()
        lost = len(self.lost) > before
        if posted.entry is not None and (lost or not posted.known):
            assert posted.known is lost  # its own write, found by the second attempt
            self.booked.append((who, posted.entry, again))
        assert posted.account == self.ledger.account(key_of(who))
        self.loses, self.rival = False, ""
        return posted

    def _fault(self, operation: str, number: int) -> str | None:
        """Let a rival in before a transaction, which is then refused; lose an answer."""
        if operation != "transact_write_items":
            return None
        if self.rival:
            who, loses = self.rival, self.loses
            self.rival_earns(who)
            self.loses = loses
        elif self.loses:
            self.loses = False
            self.lost.append(number)
            return "lost"
        return None

    def note(self, kind: str, count: int) -> None:
        self.moved[COLUMNS[kind]] += count

    def report(self) -> DayReport:
        whole = DayReport(self.today, opening=self.opening)
        for shard in range(NIGHT_SHARDS):
            rows = self.ledger.booked("shop", "main", self.today, shard)
            whole = whole.and_also(report_of(self.today, rows))
        return whole


def key_of(who: str) -> AccountKey:
    return AccountKey("shop", "main", who)


def folded(entries: list[Entry]) -> tuple[dict[date, int], int, int]:
    """Return lots, debt and pending points as the entries alone tell them."""
    lots: Counter[date] = Counter()
    owed = pending = 0
    for entry in entries:
        sign = 1 if entry.points > 0 else -1
        for lot in entry.lots:
            lots[lot.expires_on or FOREVER] += sign * lot.points
        owed -= entry.points - sign * sum(lot.points for lot in entry.lots)
        pending += entry.pending
    return {on: lots[on] for on in sorted(lots) if lots[on]}, owed, pending
