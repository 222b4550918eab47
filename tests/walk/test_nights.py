"""The night: what is over goes, what waited counts; each once, whatever is missed or repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Occasion, hold
from concord.domain.points.programme import Programme
from concord.domain.tasks import RowKey
from concord.entrypoint.observability import FunctionFailedError
from tests.world.emf import metrics
from tests.world.faults import Request, Wire, settle
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.world import World

ZONES = ("Pacific/Honolulu", "America/New_York", "Europe/Prague", "Pacific/Kiritimati")


@pytest.fixture
def loyalty(house: World) -> Loyalty:
    made = Loyalty(house)
    made.becomes(made.today + ONE_DAY)
    made.night()
    return made


# --- what is due -----------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_points_go_in_the_night_after_their_last_day(house: World, zone: str) -> None:
    """R-19: usable through the end of the day, in the merchant's time zone; once."""
    loyalty = Loyalty(house, zone=zone)
    loyalty.becomes(loyalty.today + ONE_DAY)
    last_day = loyalty.today
    loyalty.earns("ann", 50, last_day)
    loyalty.earns("ann", 7, last_day + ONE_DAY, "o-2")
    loyalty.night(loyalty.at(last_day, 23, 59))
    assert loyalty.account("ann").balance == 57
    loyalty.becomes(last_day + ONE_DAY, 1)
    for _ in range(2):
        loyalty.night()
    (gone,) = loyalty.entries("ann")
    assert (gone.entry_id, gone.points, gone.balance) == (f"expire:{loyalty.today}", -50, 7)
    assert gone.on == loyalty.today
    assert loyalty.hints() == [(last_day + 2 * ONE_DAY).isoformat()]
    assert loyalty.through() == loyalty.today.isoformat()


def test_a_night_begins_ten_minutes_after_midnight(loyalty: Loyalty) -> None:
    """R-19: by then nothing of the day before is still being booked."""
    last_day = loyalty.today
    loyalty.earns("ann", 50, last_day)
    loyalty.becomes(last_day + ONE_DAY, 1)
    loyalty.night(loyalty.at(loyalty.today, 0, 9))
    assert loyalty.account("ann").balance == 50
    loyalty.night(loyalty.at(loyalty.today, 0, 10))
    assert loyalty.account("ann").balance == 0


def test_pending_points_become_active_once(loyalty: Loyalty) -> None:
    """R-20: shown, not spendable; on their day they count, of however many orders."""
    first, end = loyalty.today + ONE_DAY, loyalty.today + timedelta(days=30)
    for number in range(5):
        loyalty.waits("ann", 10 + number, first, end, f"o-{number}")
    loyalty.waits("ann", 3, first + ONE_DAY, end, "o-later")
    assert (loyalty.account("ann").balance, loyalty.account("ann").pending_points) == (0, 63)
    loyalty.nights(1)
    assert (loyalty.account("ann").balance, loyalty.account("ann").pending_points) == (60, 3)
    loyalty.night()
    assert len(loyalty.entries("ann")) == 5
    loyalty.nights(1)
    assert (loyalty.account("ann").balance, loyalty.account("ann").pending_points) == (63, 0)
    assert loyalty.hints() == [(end + ONE_DAY).isoformat()]


def test_a_hint_at_which_nothing_is_due_goes(loyalty: Loyalty) -> None:
    """R-19: the hint says look here; truth is the account."""
    loyalty.earns("ann", 50, loyalty.today)
    why = Occasion("h-1", loyalty.house.clock.now(), loyalty.today)
    loyalty.books("ann", "h-1", lambda account: hold(account, 50, why))
    loyalty.nights(1)
    assert loyalty.entries("ann") == []
    assert loyalty.hints() == []


def test_a_hint_without_account_is_told_and_kept(
    loyalty: Loyalty, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-31: it is all that there is to look into it with; the night is done all the same."""
    loyalty.earns("ann", 50, loyalty.today)
    (row,) = [r for r in loyalty.house.rows("L#") if r["sk"] == "ACCOUNT"]
    loyalty.house.parts.table.delete(RowKey(row["pk"], row["sk"]))
    capsys.readouterr()
    loyalty.nights(1)
    assert [m.value for m in metrics(capsys.readouterr().out) if m.name == "HintWithoutAccount"]
    assert len(loyalty.hints()) == 1
    assert loyalty.through() == loyalty.today.isoformat()


# --- missed, repeated, at once ---------------------------------------------------------------


def test_missed_nights_are_caught_up_in_order(loyalty: Loyalty) -> None:
    """R-19: the oldest first, each for its own day, and booked on the day on which that is done."""
    day = loyalty.today
    for ahead in range(3):
        loyalty.earns("ann", 10 + ahead, day + timedelta(days=ahead), f"o-{ahead}")
    loyalty.becomes(day + timedelta(days=3), 4)
    loyalty.night()
    gone = loyalty.entries("ann")
    assert [(e.entry_id, e.points) for e in gone] == [
        (f"expire:{day + timedelta(days=ahead + 1)}", -10 - ahead) for ahead in range(3)
    ]
    assert {entry.on for entry in gone} == {loyalty.today}
    assert loyalty.through() == loyalty.today.isoformat()
    reports = [loyalty.report(day + timedelta(days=ahead)) for ahead in range(3)]
    assert [report and report.closing for report in reports] == [33, 33, 33]
    loyalty.nights(1)
    after = loyalty.report(loyalty.today - ONE_DAY)
    assert after is not None
    assert after.adds_up
    assert (after.opening, after.moved["expired"], after.closing) == (33, -33, 0)


def test_a_night_can_be_run_again(loyalty: Loyalty) -> None:
    """Reliability 26: by the event's time; what is done stays done, what was left is done."""
    day = loyalty.today
    loyalty.earns("ann", 50, day)
    loyalty.earns("bob", 20, day)
    loyalty.nights(2)
    kept = sorted(map(str, loyalty.house.rows()))
    for time in (loyalty.at(day + ONE_DAY), loyalty.at(day), loyalty.at(loyalty.today)):
        loyalty.night(time)
    assert sorted(map(str, loyalty.house.rows())) == kept
    loyalty.house.hourly(loyalty.at(day + ONE_DAY), again=loyalty.merchant_id)
    settle(loyalty.house)
    assert sorted(map(str, loyalty.house.rows())) == kept


def test_a_night_that_is_run_again_does_what_was_left(loyalty: Loyalty) -> None:
    """Reliability 26: a hint that was lost and put back is answered, on an open day's books."""
    day = loyalty.today
    loyalty.earns("ann", 50, day)
    loyalty.waits("ann", 5, day + ONE_DAY, day + timedelta(days=9), "o-2")
    key = ledger_keys.hint(loyalty.key("ann"), day + ONE_DAY)
    loyalty.house.parts.table.delete(key)
    loyalty.nights(2)
    assert loyalty.account("ann").balance == 50
    loyalty.house.parts.table.put(key, {})
    loyalty.house.hourly(loyalty.at(day + ONE_DAY), again=loyalty.merchant_id)
    settle(loyalty.house)
    assert (loyalty.account("ann").balance, loyalty.account("ann").pending_points) == (5, 0)
    assert {entry.on for entry in loyalty.entries("ann")} == {loyalty.today}
    loyalty.nights(9)
    assert loyalty.account("ann").balance == 0


def test_an_unknown_merchant_has_no_night(house: World) -> None:
    """Reliability 26: a slip of the operator's is told."""
    with pytest.raises(FunctionFailedError, match="NotFoundError"):
        house.hourly(again="nobody")


def test_two_starts_make_one_night(loyalty: Loyalty) -> None:
    """Reliability 26: two schedules at once insert each part once."""
    loyalty.earns("ann", 50, loyalty.today)
    loyalty.becomes(loyalty.today + ONE_DAY)
    for _ in range(2):
        loyalty.house.hourly()
    assert len(loyalty.house.rows("TN#")) == 8
    row = loyalty.house.rows("TN#")[0]
    loyalty.house.run_task({"pk": row["pk"], "sk": row["sk"]})
    loyalty.house.hourly()
    assert len(loyalty.house.rows("TN#")) == 7, "what is done is not begun again"
    settle(loyalty.house)
    assert len(loyalty.entries("ann")) == 1


def test_a_second_worker_overtakes_the_first(loyalty: Loyalty) -> None:
    """Reliability 26: whose lease ran out in the middle of a posting."""
    loyalty.earns("ann", 50, loyalty.today)
    loyalty.waits("ann", 5, loyalty.today + ONE_DAY, loyalty.today + timedelta(days=9), "o-2")
    loyalty.becomes(loyalty.today + ONE_DAY)
    loyalty.house.hourly()
    rows = [{"pk": row["pk"], "sk": row["sk"]} for row in loyalty.house.rows("TN#")]
    wire = Wire(loyalty.house)
    overtaken: list[Request] = []

    def overtake(request: Request) -> None:
        if request.name == "dynamodb.TransactWriteItems" and not overtaken:
            overtaken.append(request)
            loyalty.house.clock.advance(timedelta(minutes=2))
            for row in rows:
                loyalty.house.run_task(row, 2)

    with wire.failing(before=overtake):
        for row in rows:
            loyalty.house.run_task(row)
    assert overtaken
    settle(loyalty.house)
    assert loyalty.account("ann").balance == 5
    assert len(loyalty.entries("ann")) == 2
    assert loyalty.through() == loyalty.today.isoformat()


def test_a_long_night_goes_on_in_a_later_message(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability 26: half a minute at a time, and everybody is looked at once."""
    members = [f"m{number}" for number in range(40)]
    for member in members:
        loyalty.earns(member, 50, loyalty.today)
    real, seen = DynamoDbLedger.account, []

    def slow(self: DynamoDbLedger, key: AccountKey) -> Account:
        seen.append(key)
        loyalty.house.clock.advance(timedelta(seconds=20))
        return real(self, key)

    monkeypatch.setattr(DynamoDbLedger, "account", slow)
    loyalty.becomes(loyalty.today + ONE_DAY)
    loyalty.night()
    assert len(seen) == len(members)
    assert {loyalty.account(member).balance for member in members} == {0}
    assert loyalty.through() == loyalty.today.isoformat()


# --- the merchant's zone ---------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(ZONES[0], ZONES[3]), (ZONES[3], ZONES[0])])
def test_nights_move_with_the_merchant(house: World, before: str, after: str) -> None:
    """R-19: no local day has two nights, and none is left out."""
    loyalty = Loyalty(house, zone=before)
    loyalty.becomes(loyalty.today + ONE_DAY)
    loyalty.night()
    days = [loyalty.today + timedelta(days=ahead) for ahead in range(4)]
    for number, day in enumerate(days):
        loyalty.earns("ann", 10 + number, day, f"o-{number}")
    loyalty.moves_to(after)
    for _ in range(24 * 5):
        house.clock.advance(timedelta(hours=1))
        house.hourly()
        house.pump()
    assert [e.entry_id for e in loyalty.entries("ann")] == [f"expire:{d + ONE_DAY}" for d in days]
    assert loyalty.account("ann").balance == 0
    nights = [row["sk"] for row in house.rows("LN#")]
    assert len(nights) == len(set(nights)) >= 4
    assert loyalty.through() == loyalty.today.isoformat()


def test_a_merchant_without_a_programme_has_no_nights(house: World) -> None:
    """Promise 5: cost follows work."""
    body = {"name": "Green Grocer", "time_zone": "Europe/Prague", "country": "CZ"}
    house.admin("PUT", "/v1/merchants/m2", body)
    house.clock.advance(timedelta(days=2))
    house.hourly()
    assert house.rows("TZ#") == []
    assert house.rows("TN#") == []


def test_a_second_programme_leaves_the_nights_as_they_are(loyalty: Loyalty) -> None:
    """R-19: a night that is due stays due."""
    through = loyalty.through()
    loyalty.becomes(loyalty.today + timedelta(days=2))
    second = Programme(loyalty.merchant_id, "second", "More", "USD")
    assert loyalty.house.parts.programmes.save(second)
    assert loyalty.through() == through
