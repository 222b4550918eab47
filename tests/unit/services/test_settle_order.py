"""Orders that fall and rise again: whoever was let keep points is not given them a second time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.orders import DynamoDbOrders
from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.merchant import Merchant
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.orders import (
    Member,
    Order,
    OrderKey,
    Said,
    Standing,
    Terms,
    with_refund,
    with_said,
)
from concord.domain.points.posting import Entry, Occasion, Posting, accrue, hold
from concord.domain.points.programme import Programme
from concord.domain.tasks import Task
from concord.services.defer_tasks import DeferTasks
from concord.services.post_points import PostPoints
from concord.services.settle_order import SettleOrder
from concord.services.take_orders import settle_task
from tests.support.builders import CONNECTION, MERCHANT, audit
from tests.support.counting import Faults
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.stand_ins import NoQueue, Quiet

ANA, BEN = Member("0a" * 16, "c-1"), Member("0b" * 16, "c-2")
KEY = OrderKey.of(MERCHANT, "catapult:S1", "1001")

type Decide = Callable[[Account, Occasion], Posting | None]


class DiedError(Exception):
    """The process ends here."""


class Till:
    """One order, who has its points, and the worker that books it, over a table in memory."""

    def __init__(self, window: int = 0) -> None:
        self.at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
        self.left, self.number = -1, 0
        client = Faults(MemoryDynamoDb(), self._fault)
        table = Table("memory", client, sleep=lambda _: None)  # type: ignore[arg-type]
        merchants, programmes = DynamoDbMerchants(table), DynamoDbProgrammes(table, self.now)
        merchants.put(Merchant(MERCHANT, "Beans", "America/New_York", "US"), audit())
        self.rules = Programme(MERCHANT, "main", "Main", "USD", pending_days=window)
        assert programmes.save(self.rules)
        self.ledger, self.orders = DynamoDbLedger(table), DynamoDbOrders(table)
        self.tasks = DynamoDbTasks(table)
        self.post = PostPoints(self.ledger, self, lambda _: (), sleep=lambda _: None)
        self.settle = SettleOrder(
            orders=self.orders,
            programmes=programmes,
            merchants=merchants,
            post=self.post,
            tasks=self.tasks,
            defer=DeferTasks(
                tasks=self.tasks,
                queue=NoQueue(),  # type: ignore[arg-type]
                connections=DynamoDbConnections(table),
                clock=self,
                telemetry=Quiet(),
                keep_untold=lambda task, connection: None,
                rng=random.Random(7),
            ),
            clock=self,
        )

    def now(self) -> datetime:
        return self.at

    def _fault(self, operation: str, _: int) -> str | None:
        if not self.left:
            raise DiedError
        self.left -= 1
        return None

    # --- what happens ------------------------------------------------------------------------

    @property
    def order(self) -> Order:
        return self.orders.get(KEY) or Order(KEY, "1001")

    def says(self, subtotal: int, member: Member | None = ANA) -> None:
        said = Said(Standing.COMPLETED, Decimal(subtotal), None, member)
        terms = Terms.of(self.rules, self.at.date())
        self._save(with_said(self.order, said, terms))

    def refunds(self, refund_id: str, amount: int) -> None:
        if refund_id not in self.order.refunds:
            self._save(with_refund(self.order, refund_id, Decimal(amount)))

    def _save(self, order: Order) -> None:
        if order.version > self.order.version:
            assert self.orders.save(order, settle_task(order, CONNECTION), self.at)

    def books(self, dies_after: int = -1) -> None:
        """Work off what is due; the process ends after so many requests, and another follows."""
        for left in (dies_after, -1):
            self.at += timedelta(hours=1)
            for row in list(self.tasks.due(self.at)):
                task = self.tasks.lease(row.key, "me", self.at)
                assert isinstance(task, Task)
                self.left = left
                try:
                    self.settle(task)
                except DiedError:
                    continue
                finally:
                    self.left = -1
        assert not self.order.postings

    def spends(self, points: int, member: Member = ANA) -> None:
        """Take so many points elsewhere, or what is there."""

        def decide(account: Account, why: Occasion) -> Posting | None:
            return hold(account, min(points, account.usable(why.today)), why)

        self._posts(member, decide)

    def earns_elsewhere(self, points: int, member: Member = ANA) -> None:
        self._posts(member, lambda account, why: accrue(account, points, None, why))

    def _posts(self, member: Member, decide: Decide) -> None:
        self.number += 1
        why = Occasion(f"other:{self.number}", self.at, self.at.date())
        self.post(self.key(member), why.entry_id, lambda account: decide(account, why))

    # --- what came of it ---------------------------------------------------------------------

    @staticmethod
    def key(member: Member) -> AccountKey:
        return AccountKey(MERCHANT, "main", member.key)

    def entries(self, member: Member = ANA) -> list[Entry]:
        """Return the entries of the order."""
        return [e for e in self.ledger.entries(self.key(member)) if "order" in e.details]

    def moved(self, member: Member = ANA) -> list[tuple[int, int | None]]:
        """Return by how much each moved the points of the order, and what was asked for."""
        return [(e.points + e.pending, e.asked) for e in self.entries(member)]

    def net(self, member: Member = ANA) -> int:
        """Return what she has had of the order, less what was really taken back."""
        return sum(points for points, _ in self.moved(member))


def raised(till: Till, *subtotals: int) -> list[tuple[int, int | None]]:
    """Let an order of 100 be spent, and then come to each of these; return how it moved."""
    till.says(100)
    till.books()
    till.spends(100)
    for subtotal in subtotals:
        till.says(subtotal)
        till.books()
    return till.moved()


# --- cases ---------------------------------------------------------------------------------------


def test_what_was_let_go_is_not_given_again() -> None:
    """R-18: she has spent the points of an order that falls to nothing and rises again."""
    assert raised(Till(), 0, 100) == [(100, None), (0, 100), (0, 100)]


def test_a_raise_gives_what_exceeds_it() -> None:
    """R-18: also by several steps, and where the order falls in between."""
    till = Till()
    steps = [(0, 100), (0, 60), (0, 60), (30, 130), (0, 40)]
    assert raised(till, 0, 60, 0, 130)[1:4] == steps[:3]
    assert till.moved()[4] == steps[3]
    assert till.order.let_go == {}
    till.spends(30)
    till.says(90)
    till.books()
    assert till.moved()[5] == steps[4]
    assert (till.net(), till.order.points, till.order.let_go) == (130, 90, {ANA.key: 40})


def test_what_is_let_go_in_part_counts_in_part() -> None:
    """R-18: of 100 that fall due, 30 were there."""
    till = Till()
    till.says(100)
    till.books()
    till.spends(70)
    till.refunds("r-1", 100)
    till.books()
    assert (till.moved()[-1], till.order.let_go) == ((-30, 100), {ANA.key: 70})
    till.says(200)
    till.books()
    assert (till.moved()[-1], till.net(), till.order.let_go) == ((30, 100), 100, {})


def test_a_raise_that_waits_waits_with_what_exceeds_it() -> None:
    """R-18, R-20: in the return window too, where a refund finds what waits."""
    till = Till(window=5)
    till.says(100)
    till.books()
    till.says(40)
    till.books()
    assert till.moved() == [(100, None), (-60, None)]
    assert till.order.let_go == {}


def test_it_is_kept_apart_for_each_customer() -> None:
    """R-18, R-21: who gets an order that another one has spent gets all of it; who gets it back has
    it already."""
    till = Till()
    raised(till)
    till.says(100, BEN)
    till.books()
    till.says(100, ANA)
    till.books()
    assert till.moved() == [(100, None), (0, 100), (0, 100)]
    assert till.moved(BEN) == [(100, None), (-100, None)]


def test_a_lowering_and_a_raise_that_are_booked_together() -> None:
    """R-18: the one is decided by what became of the other."""
    till = Till()
    raised(till)
    till.says(0)
    till.says(100)
    till.books()
    assert till.moved() == [(100, None), (0, 100), (0, 100)]


@pytest.mark.parametrize("dies_after", range(14))
def test_a_worker_that_dies_comes_to_the_same(dies_after: int) -> None:
    """R-18, R-21, reliability 12: between the ledger and the row too."""
    till = Till()
    raised(till)
    till.says(0)
    till.says(60)
    till.books(dies_after)
    till.says(150)
    till.books(dies_after)
    assert till.moved() == [(100, None), (0, 100), (0, 60), (50, 90)]
    assert (till.net(), till.order.points, till.order.let_go) == (150, 150, {})


# --- properties ----------------------------------------------------------------------------------

who = st.sampled_from([ANA, ANA, ANA, BEN])
happenings = st.one_of(
    st.tuples(st.just("says"), st.sampled_from([0, 10, 50, 100, 170]), st.just(ANA)),
    st.tuples(st.just("says"), st.integers(0, 120), who | st.none()),
    st.tuples(st.just("refunds"), st.sampled_from("abc"), st.integers(1, 60)),
    st.tuples(st.just("spends"), st.sampled_from([1, 30, 200]), who),
    st.tuples(st.just("spends"), st.sampled_from([1, 30, 200]), who),
    st.tuples(st.just("earns_elsewhere"), st.integers(1, 50), who),
)
# Where the worker dies that comes after it; None = it comes later.
steps = st.tuples(happenings, st.none() | st.integers(-1, 12))


def agrees(till: Till, member: Member) -> None:
    """Reckon what she had to get, entry by entry, from what was asked for and what there was: a
    raise lifts what she has had to what the order comes to and no further, a lowering takes what it
    asks for as far as it is there."""
    balance = net = due = 0
    for entry in sorted(till.ledger.entries(till.key(member)), key=lambda e: e.seq):
        moved = entry.points + entry.pending
        if "order" in entry.details:
            reversed_ = str(entry.kind) == "reverse"
            asked = abs(moved) if entry.asked is None else entry.asked
            due += -asked if reversed_ else asked
            expected = net - min(asked, balance) if reversed_ else max(net, due)
            net += moved
            assert net == expected, entry
        balance += moved
    assert due == (till.order.points if till.order.holder == member else 0)
    assert net - due == till.order.let_go.get(member.key, 0)


@settings(max_examples=200)
@given(st.lists(steps, min_size=1, max_size=14), st.sampled_from([0, 0, 5]))
def test_nobody_gets_more_of_an_order_than_it_has_come_to(
    history: list[tuple[tuple[Any, ...], int | None]], window: int
) -> None:
    """R-18, R-21, L-03: whatever is said, spent and earned in between, and wherever workers die."""
    till, most = Till(window), {ANA: 0, BEN: 0}
    for (name, *words), dies_after in [*history, (("says", 100, ANA), None)]:
        getattr(till, name)(*words)
        if (holder := till.order.holder) is not None:
            most[holder] = max(most[holder], till.order.points)
        if dies_after is not None:
            till.books(dies_after)
    till.books()
    for member, points in most.items():
        agrees(till, member)
        assert till.net(member) <= points
