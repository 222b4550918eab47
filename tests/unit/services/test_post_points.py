"""Posting: killed at every request, answers lost, rivals in between; each event books once."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.table import Table
from concord.domain.errors import StorageUnavailableError
from concord.domain.points.account import Pending
from concord.domain.points.night import posting_of
from concord.domain.points.posting import (
    EntryKind,
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
from concord.domain.tasks import TaskSpec
from concord.ports.points import Hint, PostResult
from concord.services.post_points import Decide, Posted, PostPoints
from tests.support.builders import NOW, text
from tests.support.counting import Faults
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.points import KEY, day, lots, why

EVENT = why("event")
NIGHT = Hint(KEY, day(0))


class Killed(BaseException):
    """The process ended: no code of ours can catch this."""


@dataclass
class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True)
class Case:
    """What an event makes of an account that has 20 points which are over and 30 that are not, and
    7 that begin to count today."""

    decide: Callable[..., Posting | None]
    points: list[int]
    seen: Hint | None = None


CASES = {
    "accrues": Case(partial(accrue, points=5, expires_on=day(9)), [5]),
    "holds": Case(partial(hold, points=12), [-12]),
    "is_refused": Case(partial(hold, points=31), []),
    "owes": Case(partial(reverse, points=70, policy=RefundPolicy.NEGATIVE), [-50, -20]),
    "gives_back": Case(
        partial(give_back, lots=lots((-1, 3), (5, 4)), kind=EntryKind.REIMBURSE), [7]
    ),
    "waits": Case(partial(pend, pending=Pending("o2", day(4), day(30), 9)), [0]),
    "begins": Case(partial(activate, ref="o1"), [7], NIGHT),
    "expires": Case(expire, [-20], NIGHT),
}


def two_tasks(posting: Posting) -> Sequence[TaskSpec]:
    """Return one that happens once for this entry, and one that coalesces."""
    once = text(f"credit:{posting.entries[0].entry_id}")
    return (once, replace(once, task_id="fields", want=posting.account.seq))


def poster(client: Any) -> PostPoints:
    """Return the service over a client; it never sleeps."""
    ledger = DynamoDbLedger(Table("memory", client, sleep=lambda _: None))
    return PostPoints(ledger, Still(), two_tasks, sleep=lambda _: None, rng=random.Random(1))


def house() -> MemoryDynamoDb:
    """Return a table with the account that Case tells of."""
    memory = MemoryDynamoDb()
    post = poster(memory)
    for name, ends, points in (("1", -1, 20), ("2", 5, 30)):
        because = why(name, today=-3)
        post(KEY, name, partial(accrue, points=points, expires_on=day(ends), why=because))
    waits = Pending("o1", day(0), day(30), 7)
    post(KEY, "3", partial(pend, pending=waits, why=why("3", today=-3)))
    return memory


def play(client: Any, case: Case) -> Posted:
    """Post the case's event."""
    decide: Decide = partial(case.decide, why=EVENT)
    return poster(client)(KEY, EVENT.entry_id, decide, seen=case.seen)


def dying(memory: MemoryDynamoDb, number: int, *, behind: bool) -> Faults:
    """Return a client whose process ends ahead of, or behind, its request `number`."""

    def plan(operation: str, count: int) -> str | None:
        if count < number + behind:
            return None
        raise Killed

    return Faults(memory, plan)


@pytest.mark.parametrize("name", CASES)
def test_killed_at_every_request_an_event_books_once(name: str) -> None:
    """L-03, R-21, reliability 12: the same rows and the same answer, wherever the process died."""
    case, whole = CASES[name], house()
    calm = Faults(whole, lambda *_: None)
    expected = play(calm, case)
    booked = [e for e in ledger_of(whole).entries(KEY) if e.entry_id.endswith(EVENT.entry_id)]
    assert [entry.points for entry in booked] == case.points
    assert calm.calls[:1] == ["get_item"]
    assert len(calm.calls) == 2

    for number in range(1, len(calm.calls) + 1):
        for behind in (False, True):
            memory = house()
            # Behind its last request, the process ends before it can answer.
            lost = behind and number == len(calm.calls)
            if lost:
                play(memory, case)
            else:
                with pytest.raises(Killed):
                    play(dying(memory, number, behind=behind), case)
            again = play(memory, case)
            assert again.entry == expected.entry
            assert again.account == expected.account
            assert again.known is (lost and bool(case.points))
            assert memory.rows() == whole.rows(), (number, behind)


@pytest.mark.parametrize("fault", ["lost", "InternalServerError", "TransactionConflict"])
@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_is_lost_or_bad_changes_nothing(name: str, fault: str) -> None:
    """Reliability 13: tried again in the same call; the caller is told what stands there."""
    case, whole = CASES[name], house()
    expected = play(whole, case)
    for number in (1, 2):
        memory = house()
        faults: dict[int, str] = {number: fault}
        found = play(Faults(memory, partial(_planned, faults)), case)
        assert (found.account, found.entry) == (expected.account, expected.entry)
        assert memory.rows() == whole.rows()


def _planned(faults: Mapping[int, str], _: str, number: int) -> str | None:
    return faults.get(number)


@pytest.mark.parametrize("name", CASES)
def test_a_storage_that_stays_away_is_told(name: str) -> None:
    """Nothing was booked that nobody knows of; the event comes again."""
    case, memory = CASES[name], house()
    before = memory.rows()
    with pytest.raises(StorageUnavailableError):
        play(Faults(memory, lambda *_: "ThrottlingException"), case)
    assert memory.rows() == before
    assert not play(memory, case).known


def test_who_is_overtaken_decides_again() -> None:
    """R-19: on the account as it is then."""
    memory = house()
    met: list[str] = []

    def plan(operation: str, _: int) -> str | None:
        if operation == "transact_write_items" and len(met) < 3:
            met.append(operation)
            rival = f"rival{len(met)}"
            poster(memory)(KEY, rival, partial(hold, points=9, why=why(rival)))
        return None

    found = play(Faults(memory, plan), CASES["holds"])
    # 30 can be spent; three rivals took 27 of them.
    assert (found.entry, found.known, found.account.usable(day(0))) == (None, False, 3)


def test_a_twin_that_was_faster_is_told_as_it_stands() -> None:
    """R-21: the answer shows the account after the posting, whoever made it."""
    memory = house()
    met: list[Posted] = []

    def plan(operation: str, _: int) -> str | None:
        if operation == "transact_write_items" and not met:
            met.append(play(memory, CASES["accrues"]))
        return None

    found = play(Faults(memory, plan), CASES["accrues"])
    assert found == replace(met[0], known=True)


def test_of_several_entries_another_may_be_known() -> None:
    """R-20, reliability 26: a night books a few orders at a time, whatever id it asks under. Where
    its first write was made and nobody heard, it goes on with the rest."""
    memory = house()
    for ref in ("o2", "o3"):
        waits = Pending(ref, day(0), day(30), 7)
        because = why(ref, today=-3)
        poster(memory)(KEY, ref, partial(pend, pending=waits, why=because))
    lost = Faults(memory, partial(_planned, {2: "lost"}))
    night = partial(posting_of, night=day(0), at=NOW, today=day(0), lets_go=False)
    found = poster(lost)(KEY, "expire:night", night, seen=NIGHT)
    assert (found.account.pending, found.account.balance) == ((), 20 + 30 + 3 * 7)
    assert memory.rows("LH#shop#2026-11-22")  # what is over is still to go


def test_an_account_that_keeps_moving_is_given_up_in_the_end() -> None:
    slept: list[float] = []
    memory = house()

    class Restless(DynamoDbLedger):
        def post(self, *_: Any, **__: Any) -> PostResult:
            return PostResult.MOVED

    ledger = Restless(Table("memory", memory, sleep=lambda _: None))  # type: ignore[arg-type]
    post = PostPoints(ledger, Still(), two_tasks, sleep=slept.append)
    with pytest.raises(StorageUnavailableError):
        post(KEY, "e", partial(accrue, points=1, expires_on=None, why=why("e")))
    assert 0 < len(slept) <= 50
    assert all(0 <= seconds <= 0.2 for seconds in slept)


def test_the_merchants_own_id_is_kept() -> None:
    memory = MemoryDynamoDb()
    decide = partial(accrue, points=1, expires_on=None)
    poster(memory)(KEY, "1", partial(decide, why=why("1")), member="customer 1")
    poster(memory)(KEY, "2", partial(decide, why=why("2")))
    poster(memory)(KEY, "3", partial(decide, why=why("3")), member="other")
    assert ledger_of(memory).account(KEY).member == "customer 1"


def ledger_of(memory: MemoryDynamoDb) -> DynamoDbLedger:
    """Return the ledger in a table."""
    return DynamoDbLedger(Table("memory", memory))  # type: ignore[arg-type]
