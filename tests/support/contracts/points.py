"""The contracts of Programmes and Ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.points.account import Account, AccountKey, Pending
from concord.domain.points.night import NIGHT_SHARDS
from concord.domain.points.posting import (
    Entry,
    EntryKind,
    Posting,
    accrue,
    activate,
    expire,
    hold,
    pend,
    reverse,
)
from concord.domain.points.programme import (
    MonthEnd,
    NewsletterReward,
    Programme,
    RefundPolicy,
    Rounding,
    Validity,
)
from concord.domain.points.report import DayReport, report_of
from concord.ports.points import Hint, PostResult
from tests.support.builders import NOW, at, push, text
from tests.support.contracts.consent import refaulted
from tests.support.counting import counted
from tests.support.points import AT, KEY, TODAY, account, day, lots, why

FULL = Programme(
    "shop",
    "main",
    "Stamps",
    "CZK",
    points_per_unit=Decimal("0.10"),
    rounding=Rounding.HALF_UP,
    valid_for=Validity(months=12, month_end=MonthEnd.LAST_DAY),
    refund_policy=RefundPolicy.NEGATIVE,
    pending_days=14,
    notice_days=30,
    newsletter_reward=NewsletterReward(50, take_back=True),
)
PLAIN = Programme("shop", "plain", "Points", "EUR")


class ProgrammesContract:
    """What every Programmes does."""

    @pytest.mark.parametrize(
        "programme",
        [
            FULL,
            PLAIN,
            replace(PLAIN, valid_for=Validity(days=0)),
            replace(PLAIN, newsletter_reward=NewsletterReward(5)),
            replace(PLAIN, points_per_unit=Decimal("1.50")),
        ],
    )
    def test_every_rule_survives_storage(self, table: Table, programme: Programme) -> None:
        programmes = DynamoDbProgrammes(table)
        assert programmes.save(programme)
        found = programmes.get("shop", programme.programme_id)
        assert found == programme
        assert str(found.points_per_unit) == str(programme.points_per_unit)

    def test_those_of_a_merchant_are_listed(self, table: Table) -> None:
        programmes = DynamoDbProgrammes(table)
        for each in (PLAIN, FULL, replace(PLAIN, merchant_id="other")):
            assert programmes.save(each)
        assert list(programmes.of("shop")) == [FULL, PLAIN]
        assert programmes.get("shop", "none") is None

    def test_of_two_changes_one_is_refused(self, table: Table) -> None:
        programmes = DynamoDbProgrammes(table)
        assert programmes.save(PLAIN)
        assert programmes.save(replace(PLAIN, name="A", version=2))
        assert not programmes.save(replace(PLAIN, name="B", version=2))
        assert not programmes.save(replace(PLAIN, name="C"))
        found = programmes.get("shop", "plain")
        assert found is not None
        assert (found.name, found.version) == ("A", 2)

    @pytest.mark.parametrize("version", [1, 2])
    def test_a_change_whose_answer_was_lost_is_made(self, table: Table, version: int) -> None:
        """Reliability 13."""
        if version > 1:
            assert DynamoDbProgrammes(table).save(PLAIN)
        faulty, _ = refaulted(table, lambda name, n: "lost" if n == 1 else None)
        assert DynamoDbProgrammes(faulty).save(replace(FULL, programme_id="plain", version=version))


class LedgerContract:
    """What every Ledger does."""

    def test_an_account_that_was_never_posted_to_is_empty(self, table: Table) -> None:
        ledger = DynamoDbLedger(table)
        assert ledger.account(KEY) == Account(KEY)
        assert ledger.entry(KEY, "event") is None
        assert ledger.entries(KEY) == []

    def test_what_was_posted_is_read_back(self, table: Table) -> None:
        """Promise 1: account, entries, hint and tasks, or nothing."""
        ledger = DynamoDbLedger(table)
        tasks = (push(1), text("t1"))
        before = replace(Account(KEY), member="customer/4711")
        posting = accrue(before, 50, day(10), why("order:1", order="4711/a b", actor="till"))
        assert ledger.post(posting, tasks, now=NOW) is PostResult.DONE
        assert ledger.account(KEY) == posting.account
        other = replace(KEY, member_key="nobody")
        found = ledger.accounts([other, KEY])
        assert found == {KEY: posting.account, other: Account(other)}
        assert ledger.entries(KEY) == [*posting.entries] == [ledger.entry(KEY, "order:1")]
        assert hints(ledger) == {(KEY, day(11))}
        assert len(list(DynamoDbTasks(table).due(at(1)))) == 2

    def test_every_kind_of_account_and_entry_survives_storage(self, table: Table) -> None:
        """R-19, R-20: lots without an end, debts, pending points, what was asked for."""
        ledger = DynamoDbLedger(table)
        pending = Pending("order ~#1", day(14), None, 7)
        steps = (
            lambda a: accrue(a, 2**40, None, why("1")),
            lambda a: accrue(a, 5, day(1), why("2"), EntryKind.REWARD),
            lambda a: pend(a, pending, why("3")),
            lambda a: pend(a, replace(pending, ref="o2", expires_on=day(99)), why("4")),
            lambda a: hold(a, 6, why("5", reward="mug")),
            lambda a: reverse(a, 2**41, RefundPolicy.CLAMP, why("6")),
            lambda a: reverse(a, 20, RefundPolicy.NEGATIVE, why("7"), ref="order ~#1"),
            lambda a: activate(a, "o2", why("8", today=14)),
        )
        written: list[Entry] = []
        for step in steps:
            posting = done(ledger, step(ledger.account(KEY)))  # type: ignore[no-untyped-call]
            assert ledger.account(KEY) == posting.account
            written += posting.entries
        assert ledger.entries(KEY) == written
        assert [entry.seq for entry in written] == list(range(1, 10))[: len(written)]

    def test_a_posting_is_one_transaction_of_three_items(self, table: Table) -> None:
        """rules.md, Points: whatever the history."""
        ledger = DynamoDbLedger(table)
        many = account(*[(n, 1) for n in range(366)])
        with counted(table.client) as requests:
            assert ledger.post(accrue(many, 1, day(400), why()), now=NOW) is PostResult.DONE
        assert requests == {"TransactWriteItems": 1}
        found = ledger.account(KEY)
        assert (len(found.lots), found.balance) == (367, 367)
        assert len(list(table.query("pk = :pk", pk=ledger_keys.account_pk(KEY)))) == 2

    def test_an_event_is_booked_once(self, table: Table) -> None:
        """R-21: whatever is made of it the second time."""
        ledger = DynamoDbLedger(table)
        done(ledger, accrue(Account(KEY), 50, day(10), why("order:1")))
        again = accrue(ledger.account(KEY), 70, day(20), why("order:1"))
        assert ledger.post(again, now=NOW) is PostResult.KNOWN
        assert ledger.account(KEY).lots == lots((10, 50))
        assert hints(ledger) == {(KEY, day(11))}

    def test_who_decided_on_an_old_account_is_refused(self, table: Table) -> None:
        ledger = DynamoDbLedger(table)
        old = ledger.account(KEY)
        done(ledger, accrue(old, 50, day(10), why("order:1")))
        assert ledger.post(accrue(old, 9, day(20), why("order:2")), now=NOW) is PostResult.MOVED
        old = ledger.account(KEY)
        done(ledger, accrue(old, 1, day(10), why("order:3")))
        assert ledger.post(accrue(old, 9, day(20), why("order:2")), now=NOW) is PostResult.MOVED
        assert ledger.account(KEY).balance == 51
        assert hints(ledger) == {(KEY, day(11))}

    def test_a_posting_whose_answer_was_lost_is_made_once(self, table: Table) -> None:
        """Reliability 13: the second attempt is the same write, or finds it."""
        faulty, _ = refaulted(table, lambda name, n: "lost" if n == 1 else None)
        posting = accrue(Account(KEY), 50, day(10), why("order:1"))
        assert DynamoDbLedger(faulty).post(posting, now=NOW) in (PostResult.DONE, PostResult.KNOWN)
        assert DynamoDbLedger(table).account(KEY) == posting.account

    def test_a_task_that_stands_already_is_no_lost_race(self, table: Table) -> None:
        """Deciding again would not help; nothing is written."""
        ledger = DynamoDbLedger(table)
        done(ledger, accrue(Account(KEY), 50, day(10), why("1")), text("t1"))
        second = accrue(ledger.account(KEY), 50, day(10), why("2"))
        with pytest.raises(TransactionRefusedError):
            ledger.post(second, (text("t1"),), now=NOW)
        assert ledger.account(KEY).balance == 50

    def test_a_hint_goes_with_the_last_posting_of_its_night(self, table: Table) -> None:
        """Reliability 26: a night that dies between two postings finds the account again."""
        ledger = DynamoDbLedger(table)
        done(ledger, accrue(Account(KEY), 50, day(-1), why("1", today=-9)))
        done(ledger, pend(ledger.account(KEY), Pending("o", day(0), None, 7), why("2", today=-9)))
        hint = Hint(KEY, day(0))
        assert hints(ledger) == {(KEY, day(0))}
        active = activate(ledger.account(KEY), "o", why("3"))
        assert active is not None
        assert ledger.post(active, now=NOW, seen=hint) is PostResult.DONE
        assert hints(ledger) == {(KEY, day(0))}
        gone = expire(ledger.account(KEY), why("4"))
        assert gone is not None
        assert ledger.post(gone, now=NOW, seen=hint) is PostResult.DONE
        assert hints(ledger) == set()
        assert ledger.account(KEY).balance == 7

    def test_a_hint_at_which_nothing_was_to_do_is_forgotten(self, table: Table) -> None:
        ledger = DynamoDbLedger(table)
        done(ledger, accrue(Account(KEY), 50, day(10), why()))
        for _ in range(2):
            ledger.forget(Hint(KEY, day(11)))
        assert hints(ledger) == set()
        assert ledger.account(KEY).balance == 50

    def test_hints_are_found_by_merchant_and_night(self, table: Table) -> None:
        """rules.md, Points: never a look at the accounts."""
        ledger = DynamoDbLedger(table)
        keys = [
            AccountKey(merchant, programme, f"m{n:04d}")
            for merchant in ("shop", "other")
            for programme in ("main", "second")
            for n in range(12)
        ]
        for key in keys:
            ahead = 9 if key.member_key == "m0003" else 10
            done(ledger, accrue(Account(key), 5, day(ahead), why()))
        wanted = {(k, day(11)) for k in keys if k.merchant_id == "shop"}
        assert hints(ledger, day(11)) == {w for w in wanted if w[0].member_key != "m0003"}
        with counted(table.client) as requests:
            hints(ledger, day(11))
        assert requests == {"Query": NIGHT_SHARDS}

    def test_a_day_is_reported_from_the_index(self, table: Table) -> None:
        """Reliability 21, L-03."""
        ledger = DynamoDbLedger(table)
        for n in range(12):
            key = replace(KEY, member_key=f"m{n:04d}")
            done(ledger, accrue(Account(key), 50, day(10), why("1", today=-1)))
            done(ledger, accrue(ledger.account(key), 7, day(10), why("2")))
            done(ledger, hold(ledger.account(key), 20 + n, why("3")))
            done(ledger, reverse(ledger.account(key), 90, RefundPolicy.NEGATIVE, why("4")))
        with counted(table.client) as requests:
            report = day_of(ledger, TODAY, opening=600)
        assert requests == {"Query": NIGHT_SHARDS}
        redeemed = -sum(20 + n for n in range(12))
        assert report.adds_up
        assert report.moved["earned"] == 84
        assert report.moved["redeemed"] == redeemed
        assert report.moved["reversed"] == -90 * 12
        assert report.closing == 600 + 84 + redeemed - 90 * 12
        assert report.entries == 12 * 4
        assert day_of(ledger, day(-1)).closing == 600


def done(ledger: DynamoDbLedger, posting: Posting | None, *tasks: object) -> Posting:
    """Write a posting that nobody contradicts."""
    assert posting is not None
    assert ledger.post(posting, tasks, now=AT) is PostResult.DONE  # type: ignore[arg-type]
    return posting


def hints(ledger: DynamoDbLedger, on: date | None = None) -> set[tuple[AccountKey, date]]:
    """Return the shop's hints of a night, or of all nights near."""
    nights = [on] if on else [day(ahead) for ahead in range(-10, 30)]
    found = [
        (hint.key, hint.on)
        for night in nights
        for shard in range(NIGHT_SHARDS)
        for hint in ledger.hints("shop", night, shard)
    ]
    assert len(found) == len(set(found))
    return set(found)


def day_of(ledger: DynamoDbLedger, on: date, opening: int = 0) -> DayReport:
    """Return the report of a day of the programme."""
    whole = DayReport(on, opening=opening)
    for shard in range(NIGHT_SHARDS):
        whole = whole.and_also(report_of(on, ledger.booked("shop", "main", on, shard)))
    return whole
