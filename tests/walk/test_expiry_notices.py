"""N days before points expire their owner is told, once (ECO-14, ECO-15)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Occasion, hold
from tests.world.faults import settle
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.world import World

N = 5


@pytest.fixture
def loyalty(house: World) -> Loyalty:
    made = Loyalty(house, notice_days=N)
    made.listens()
    made.becomes(made.today + ONE_DAY)
    made.night()
    return made


@pytest.mark.parametrize(("days", "told"), [(N - 1, 0), (N, 1), (N + 1, 0)])
def test_only_what_expires_in_so_many_days_is_told(loyalty: Loyalty, days: int, told: int) -> None:
    """ECO-15: if and only if points expire on local today + N; N - 1 and N + 1 do not count."""
    tonight = loyalty.today + ONE_DAY
    loyalty.earns("ann", 50, tonight + timedelta(days=days))
    loyalty.becomes(tonight, 1)
    loyalty.house.hourly()
    before = len(loyalty.house.rows("TB#"))
    settle(loyalty.house)
    assert before == 0
    assert len(loyalty.told("ann")) == told


def test_a_notice_leaves_one_task_for_each_list(loyalty: Loyalty) -> None:
    """ECO-15: the notice and its task are written together; the task names no person."""
    last_day = loyalty.today + ONE_DAY + timedelta(days=N)
    loyalty.earns("ann", 50, last_day)
    loyalty.becomes(loyalty.today + ONE_DAY, 1)
    loyalty.house.hourly()
    loyalty.house.relay()
    for row in [r for r in loyalty.house.rows("TN#") if "due_pk" in r]:
        loyalty.house.run_task({"pk": row["pk"], "sk": row["sk"]})
    (task,) = loyalty.house.rows("TB#")
    assert task["connection_id"] == "m1.list"
    assert task["payload"] == {
        "programme_id": "main",
        "member_key": loyalty.key("ann").member_key,
        "date": last_day.isoformat(),
    }
    settle(loyalty.house)
    assert loyalty.house.rows("TB#") == []


def test_nothing_left_nothing_told(loyalty: Loyalty) -> None:
    """ECO-15: a hint stands, and 0 credits expire: no notice."""
    loyalty.earns("ann", 50, loyalty.today + ONE_DAY + timedelta(days=N))
    why = Occasion("h-1", loyalty.house.clock.now(), loyalty.today)
    loyalty.books("ann", "h-1", lambda account: hold(account, 50, why))
    loyalty.nights(1)
    assert loyalty.told("ann") == {}


def test_the_same_night_again_tells_nobody(loyalty: Loyalty) -> None:
    """ECO-15, reliability 26: each notice once per member and date."""
    last_day = loyalty.today + ONE_DAY + timedelta(days=N)
    loyalty.earns("ann", 50, last_day)
    loyalty.nights(1)
    assert loyalty.told("ann") == {last_day.isoformat(): N}
    for again in (None, loyalty.merchant_id):
        loyalty.house.hourly(again=again)
        loyalty.house.relay()
        for row in loyalty.house.rows("TN#"):
            loyalty.house.run_task({"pk": row["pk"], "sk": row["sk"]})
        assert loyalty.house.rows("TB#") == []


def test_a_missed_night_is_caught_up_once(loyalty: Loyalty) -> None:
    """ECO-15: while the last day is still ahead, and not when it would no longer be true."""
    first = loyalty.today + ONE_DAY
    for ahead in range(3):
        loyalty.earns(f"m{ahead}", 50, first + timedelta(days=N + ahead))
    loyalty.becomes(first + timedelta(days=2), 4)
    for _ in range(2):
        loyalty.night()
    told = [loyalty.told(f"m{ahead}") for ahead in range(3)]
    assert told == [{(first + timedelta(days=N + n)).isoformat(): N} for n in range(3)]


def test_a_night_that_comes_too_late_tells_nobody(loyalty: Loyalty) -> None:
    """ECO-15: what expired meanwhile does not expire in N days."""
    first = loyalty.today + ONE_DAY
    loyalty.earns("ann", 50, first + timedelta(days=N))
    loyalty.earns("bob", 50, first + timedelta(days=N + 1))
    loyalty.becomes(first + timedelta(days=N + 1), 4)
    loyalty.night()
    assert loyalty.told("ann") == {}
    assert loyalty.account("ann").balance == 0
    assert list(loyalty.told("bob")) == [loyalty.today.isoformat()], "it is her last day"


def test_dont_send_stops_from_the_next_run(loyalty: Loyalty) -> None:
    """ECO-14: and a number of days starts again from the next run."""
    for ahead in range(3):
        day = loyalty.today + timedelta(days=1 + N + ahead)
        loyalty.earns(f"m{ahead}", 50, day)
    loyalty.nights(1)
    loyalty.saves(notice_days=None)
    loyalty.nights(1)
    loyalty.saves(notice_days=N)
    loyalty.nights(1)
    assert [len(loyalty.told(f"m{ahead}")) for ahead in range(3)] == [1, 0, 1]


def test_another_number_of_days_holds_from_the_next_run(loyalty: Loyalty) -> None:
    """ECO-14: who was told early and comes into the new number of days is told again, nearer."""
    last_day = loyalty.today + timedelta(days=1 + N)
    loyalty.earns("ann", 50, last_day)
    loyalty.earns("bob", 50, last_day + timedelta(days=2))
    loyalty.nights(1)
    loyalty.saves(notice_days=3)
    loyalty.nights(2)
    assert loyalty.told("ann") == {last_day.isoformat(): 3}
    assert loyalty.told("bob") == {}
    loyalty.nights(2)
    assert loyalty.told("bob") == {(last_day + timedelta(days=2)).isoformat(): 3}


def test_where_nobody_listens_nobody_is_told(house: World) -> None:
    """ECO-15: without a list of contacts, and of a member whose own id is not known."""
    loyalty = Loyalty(house, notice_days=N)
    loyalty.becomes(loyalty.today + ONE_DAY)
    loyalty.night()
    loyalty.earns("ann", 50, loyalty.today + timedelta(days=1 + N))
    loyalty.nights(1)
    assert loyalty.told("ann") == {}
    assert house.rows("TB#") == []


def test_a_long_night_tells_everybody_once(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-15: the place is kept from message to message."""
    members = [f"m{number}" for number in range(24)]
    for member in members:
        loyalty.earns(member, 50, loyalty.today + timedelta(days=1 + N))
    real, seen = DynamoDbLedger.account, []

    def slow(self: DynamoDbLedger, key: AccountKey) -> Account:
        seen.append(key)
        loyalty.house.clock.advance(timedelta(seconds=20))
        return real(self, key)

    monkeypatch.setattr(DynamoDbLedger, "account", slow)
    loyalty.becomes(loyalty.today + ONE_DAY)
    loyalty.night()
    monkeypatch.undo()
    assert all(len(loyalty.told(member)) == 1 for member in members)
    assert len(seen) == 3 * len(members), "by the night, by its notice, and by the event"
    assert loyalty.through() == loyalty.today.isoformat()
