"""One account and many who post to it at once, on real conditions with real threads."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.table import Table
from concord.domain.errors import StorageUnavailableError
from concord.domain.points.account import Account, Pending
from concord.domain.points.posting import (
    EntryKind,
    Occasion,
    Posting,
    accrue,
    activate,
    expire,
    give_back,
    hold,
    pend,
    reverse,
)
from concord.domain.points.programme import RefundPolicy
from concord.services.post_points import Decide, Posted, PostPoints
from tests.support.builders import NOW
from tests.support.contracts.points import day_of, done, hints
from tests.support.points import AT, KEY, TODAY, day, lots, why
from tests.support.points_members import folded
from tests.support.points_oracle import FOREVER

type Race = Callable[..., list[Any]]
pytestmark = pytest.mark.usefixtures("judged")


@dataclass
class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def posted(table: Table, entry_id: str, decide: Decide) -> Posted:
    """Post as a caller does: where storage was too busy, the same event comes again."""
    post = PostPoints(DynamoDbLedger(table), Still(), lambda _: ())
    for _ in range(50):
        try:
            return post(KEY, entry_id, decide)
        except StorageUnavailableError:
            continue
    raise AssertionError("starved")


def test_of_a_hundred_points_exactly_a_hundred_are_spent(table: Table, race: Race) -> None:
    """Reliability 22, R-19: 64 workers redeem 1 point each until they are refused."""
    ledger = DynamoDbLedger(table)
    done(ledger, accrue(Account(KEY), 60, day(10), why("1")))
    done(ledger, accrue(ledger.account(KEY), 40, day(3), why("2")))

    def redeem(worker: int) -> int:
        for spent in range(101):
            name = why(f"hold:{worker}.{spent}")
            if posted(table, name.entry_id, partial(hold, points=1, why=name)).entry is None:
                return spent
        raise AssertionError("never refused")

    spent = race(redeem, threads=64)
    assert sum(spent) == 100
    entries = ledger.entries(KEY)
    assert Counter(entry.kind for entry in entries)[EntryKind.HOLD] == 100
    assert [entry.balance for entry in entries[1:]] == list(range(100, -1, -1))
    # The lot that expires first was empty before the other was touched.
    assert [entry.lots[0].expires_on for entry in entries[2:]] == [day(3)] * 40 + [day(10)] * 60
    assert (ledger.account(KEY).balance, ledger.account(KEY).lots) == (0, ())
    assert day_of(ledger, TODAY).adds_up


def test_one_event_delivered_by_many_at_once_is_booked_once(table: Table, race: Race) -> None:
    """R-21: exactly-once accrual, and everybody is told the same."""
    name = why("order:1")
    results = race(lambda _: posted(table, "order:1", lambda a: accrue(a, 5, day(9), name)))
    assert sum(not result.known for result in results) == 1
    assert {(r.account.balance, r.entry.seq) for r in results} == {(5, 1)}
    assert hints(DynamoDbLedger(table)) == {(KEY, day(10))}


def test_whatever_comes_at_once_the_account_adds_up(table: Table, race: Race) -> None:
    """L-03, R-19..R-21: accrue, redeem, release, refund, pend, activate and expire on one account;
    each event is delivered by two workers."""
    ledger = DynamoDbLedger(table)
    for n, ends in enumerate((-3, -1, 0, 5, 9)):
        done(ledger, accrue(ledger.account(KEY), 20, day(ends), why(f"start{n}", today=-9)))
    for n in range(4):
        waits = Pending(f"o{n}", day(0), day(30), 6)
        done(ledger, pend(ledger.account(KEY), waits, why(f"wait{n}", today=-9)))

    def work(worker: int) -> int:
        rng = random.Random(worker // 2)  # its twin does the same
        return sum(
            posted(table, name, decide).entry is not None
            for name, decide in (_event(rng, f"{worker // 2}.{n}", n) for n in range(6))
        )

    race(work, threads=16)
    account, entries = ledger.account(KEY), ledger.entries(KEY)
    assert [entry.seq for entry in entries] == list(range(1, account.seq + 1))
    assert len({entry.entry_id for entry in entries}) == len(entries)
    balance = 0
    for entry in entries:
        balance += entry.points
        assert entry.balance == balance
    lots_left: dict[date, int] = {lot.expires_on or FOREVER: lot.points for lot in account.lots}
    assert all(points > 0 for points in lots_left.values())
    assert folded(entries) == (lots_left, account.owed, account.pending_points)
    assert account.balance == balance
    for last_day in lots_left:
        night = last_day + timedelta(days=1)
        assert hints(ledger, night) == {(KEY, night)}
    assert day_of(ledger, TODAY).adds_up
    kinds = Counter(entry.kind for entry in entries)
    assert kinds[EntryKind.EXPIRE] >= 1
    assert len(kinds) >= 5


def _event(rng: random.Random, name: str, number: int) -> tuple[str, Decide]:
    """Return an event's id and what it makes of an account."""
    points, ends = rng.randint(1, 15), day(rng.choice([0, 5, 9, 40]))
    kinds = ("accrue", "hold", "expire", "refund", "activate", "release")
    kind = kinds[number] if rng.random() < 0.5 else rng.choice(kinds)
    because = Occasion(f"{kind}:{name}", AT, TODAY)

    def decide(account: Account) -> Posting | None:
        match kind:
            case "accrue":
                return accrue(account, points, ends, because)
            case "hold":
                return hold(account, points, because)
            case "expire":
                return expire(account, because)
            case "refund":
                policy = RefundPolicy.NEGATIVE if points % 2 else RefundPolicy.CLAMP
                return reverse(account, points, policy, because, lot_of=ends)
            case "activate":
                return activate(account, f"o{points % 4}", because)
        return give_back(account, lots((5, points)), EntryKind.RELEASE, because)

    return because.entry_id, decide
