"""What each posting does to an account, case by case."""

from __future__ import annotations

import pytest

from concord.domain.points.account import NEVER, Account, LastChange, Pending
from concord.domain.points.posting import (
    OWED,
    EntryKind,
    Posting,
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
from concord.domain.points.programme import RefundPolicy
from tests.support.points import account, day, lots, why

CLAMP, NEGATIVE = RefundPolicy.CLAMP, RefundPolicy.NEGATIVE


def made(posting: Posting | None) -> Posting:
    assert posting is not None
    return posting


def moved(posting: Posting | None) -> list[int]:
    return [entry.points for entry in made(posting).entries]


# --- points come -----------------------------------------------------------------------------


def test_new_points_join_the_lot_of_their_day() -> None:
    """R-19: one lot for each expiry date, earliest first, those without an end last."""
    found = accrue(account((None, 5), (10, 20)), 7, day(10), why())
    assert found.account.lots == lots((10, 27), (None, 5))
    found = accrue(found.account, 1, day(3), why())
    assert found.account.lots == lots((3, 1), (10, 27), (None, 5))
    (entry,) = found.entries
    assert (entry.points, entry.seq, entry.balance, entry.lots) == (1, 2, 33, lots((3, 1)))


def test_new_points_pay_what_is_owed_first() -> None:
    found = accrue(account(owed=20), 50, day(10), why())
    (entry,) = found.entries
    assert (entry.points, entry.balance, entry.lots) == (50, 30, lots((10, 30)))
    assert (found.account.owed, found.account.lots) == (0, lots((10, 30)))
    found = accrue(account(owed=20), 15, day(10), why())
    assert (found.account.owed, found.account.balance, found.account.lots) == (5, -5, ())
    assert found.hints == ()


def test_new_points_are_never_less_than_none() -> None:
    """A debt is made by a refund alone, where the programme says so."""
    with pytest.raises(ValueError, match="less than none"):
        accrue(account(), -1, None, why())


@pytest.mark.parametrize(
    ("held", "last_day", "hints"),
    [
        ((), 10, (11,)),
        (((10, 5),), 10, ()),  # its hint came with the first points of that day
        (((9, 5),), 10, (11,)),
        ((), 0, (1,)),  # usable through today
        ((), -1, (1,)),  # booked late: the next night lets them go
        ((), -30, (1,)),
        (((-1, 5),), -1, (1,)),
        ((), None, ()),
    ],
)
def test_the_night_is_told_where_to_look(
    held: tuple[tuple[int, int], ...], last_day: int | None, hints: tuple[int, ...]
) -> None:
    """rules.md, Points: a hint whenever a date's lot becomes non-empty."""
    ends = None if last_day is None else day(last_day)
    found = accrue(account(*held), 1, ends, why())
    assert found.hints == tuple(day(ahead) for ahead in hints)


# --- a return window -------------------------------------------------------------------------


def waiting(ref: str = "o1", points: int = 30, active: int = 14, ends: int = 100) -> Pending:
    return Pending(ref, day(active), day(ends), points)


def test_pending_points_are_shown_and_cannot_be_spent() -> None:
    """R-20."""
    found = pend(account((10, 5)), waiting(), why())
    assert (found.account.balance, found.account.pending_points) == (5, 30)
    assert found.hints == (day(14),)
    assert hold(found.account, 6, why()) is None
    (entry,) = found.entries
    assert (entry.kind, entry.points, entry.pending, entry.balance) == (EntryKind.PEND, 0, 30, 5)


def test_pending_points_become_active_once_and_on_their_day() -> None:
    """R-20: exactly once."""
    before = pend(account(), waiting(), why()).account
    assert activate(before, "o1", why(today=13)) is None
    found = made(activate(before, "o1", why(today=14)))
    assert (found.account.lots, found.account.pending) == (lots((100, 30)), ())
    assert found.hints == (day(101),)
    (entry,) = found.entries
    assert (entry.points, entry.pending, entry.balance) == (30, -30, 30)
    assert activate(found.account, "o1", why(today=14)) is None


def test_what_was_added_to_an_order_waits_for_its_own_day() -> None:
    """R-20."""
    before = pend(account(), waiting(), why()).account
    before = pend(before, waiting(points=5, active=20), why()).account
    found = made(activate(before, "o1", why(today=14)))
    assert (found.account.balance, found.account.pending_points) == (30, 5)
    assert made(activate(found.account, "o1", why(today=20))).account.balance == 35


def test_a_window_that_is_over_already_ends_in_the_next_night() -> None:
    assert pend(account(), waiting(active=-3), why()).hints == (day(1),)


def test_a_refund_takes_pending_points_of_its_order_first() -> None:
    """R-18, R-20."""
    before = pend(account((10, 50)), waiting("o1", 30), why()).account
    before = pend(before, waiting("o2", 9), why()).account
    found = made(reverse(before, 12, CLAMP, why(), ref="o1"))
    assert (found.account.balance, found.account.pending_points) == (50, 27)
    assert [(e.points, e.pending) for e in found.entries] == [(0, -12)]
    found = made(reverse(found.account, 20, CLAMP, why(), ref="o1"))
    assert [(e.points, e.pending) for e in found.entries] == [(-2, -18)]
    assert [each.ref for each in found.account.pending] == ["o2"]


# --- points go -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "asked", "taken"),
    [
        (((3, 10), (5, 10)), 4, ((3, 4),)),
        (((3, 10), (5, 10)), 10, ((3, 10),)),
        (((3, 10), (5, 10)), 11, ((3, 10), (5, 1))),
        (((3, 10), (None, 10)), 11, ((3, 10), (None, 1))),
        (((0, 10),), 10, ((0, 10),)),  # the last day is a day
        (((-1, 10), (5, 10)), 4, ((5, 4),)),  # over, though no night has come yet
    ],
)
def test_the_earliest_expiry_is_spent_first(
    held: tuple[tuple[int | None, int], ...],
    asked: int,
    taken: tuple[tuple[int | None, int], ...],
) -> None:
    """R-19, reliability 19; points without an end come last."""
    before = account(*held)
    found = made(hold(before, asked, why()))
    (entry,) = found.entries
    assert (entry.points, entry.lots) == (-asked, lots(*taken))
    assert found.account.balance == before.balance - asked


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (account((3, 10)), 11),
        (account((3, 10)), 0),
        (account((3, 10)), -1),
        (account((-1, 10), (3, 10)), 11),
        (account(owed=5), 1),
    ],
)
def test_nobody_spends_what_is_not_there(before: Account, asked: int) -> None:
    """R-19: a lot is usable through its last day, whether or not the night came."""
    assert hold(before, asked, why()) is None


def test_a_release_restores_the_lots_with_their_expiry() -> None:
    """R-18, reliability 19."""
    before = account((3, 10), (5, 10))
    held = made(hold(before, 14, why("h")))
    ended = give_back(held.account, held.entries[0].lots, EntryKind.RELEASE, why(ending_id("h")))
    assert ended.account.lots == before.lots
    assert ended.hints == ()


def test_a_hold_has_one_ending() -> None:
    """Reliability 19: committed or released, the ending's id is the same: the second is refused."""
    held = made(hold(account((3, 10)), 4, why("h")))
    kept = commit(held.account, why(ending_id("h")))
    back = give_back(held.account, held.entries[0].lots, EntryKind.RELEASE, why(ending_id("h")))
    assert kept.entries[0].entry_id == back.entries[0].entry_id != held.entries[0].entry_id
    assert (kept.entries[0].points, kept.account.lots) == (0, held.account.lots)


def test_what_comes_back_after_its_last_day_goes_in_the_next_night() -> None:
    """rules.md, Points: if that date is past, a hint is placed on the next night."""
    held = made(hold(account((3, 10)), 10, why("h")))
    late = give_back(held.account, held.entries[0].lots, EntryKind.REIMBURSE, why("r", today=8))
    assert (late.account.lots, late.hints) == (lots((3, 10)), (day(9),))
    assert hold(late.account, 1, why(today=8)) is None
    assert moved(expire(late.account, why(today=9))) == [-10]


def test_a_reissue_is_a_new_lot() -> None:
    """Reliability 19: reissue gives a new expiry, reverse the old one."""
    held = made(hold(account((3, 10)), 10, why("h")))
    again = accrue(held.account, 10, day(95), why("r", today=5), EntryKind.REISSUE)
    assert (again.account.lots, again.hints) == (lots((95, 10)), (day(96),))


# --- refunds ---------------------------------------------------------------------------------


def test_a_refund_beyond_the_balance_is_owed_where_the_programme_says_so() -> None:
    """Reliability 20, R-18: 50 held, 70 taken back: -50 and -20, balance -20, no expiry on it."""
    found = made(reverse(account((3, 30), (5, 20)), 70, NEGATIVE, why("refund")))
    assert moved(found) == [-50, -20]
    assert [entry.entry_id for entry in found.entries] == ["refund", f"{OWED}refund"]
    assert [entry.balance for entry in found.entries] == [0, -20]
    assert found.entries[1].lots == ()
    assert (found.account.balance, found.account.owed, found.account.lots) == (-20, 20, ())
    assert found.hints == ()
    assert found.account.last == LastChange(day(0), -70)
    assert expire(found.account, why(today=1000)) is None


def test_a_refund_beyond_the_balance_is_clamped_where_the_programme_says_so() -> None:
    """Reliability 20, R-18."""
    found = made(reverse(account((3, 30), (5, 20)), 70, CLAMP, why()))
    assert moved(found) == [-50]
    assert (found.entries[0].asked, found.account.balance) == (70, 0)


def test_a_refund_that_finds_nothing_is_booked_once_all_the_same() -> None:
    """R-21: its id must stand there, or its repeat would take later points."""
    clamped = made(reverse(account(), 70, CLAMP, why()))
    assert (moved(clamped), clamped.entries[0].asked) == ([0], 70)
    owed = made(reverse(account(owed=5), 70, NEGATIVE, why("refund")))
    assert (moved(owed), owed.account.balance) == ([-70], -75)
    assert owed.entries[0].entry_id == "refund"


def test_no_refund_has_the_id_of_anothers_debt() -> None:
    """R-21: the end of an id is a shop's; it may look like anything."""
    debt = made(reverse(account((3, 1)), 2, NEGATIVE, why("refund:1"))).entries[1]
    for shops in ("1~owed", "1owed~", "1#owed"):
        assert debt.entry_id != f"refund:{shops}"


@pytest.mark.parametrize(
    ("lot_of", "taken"),
    [
        (None, ((3, 10), (5, 2))),
        (5, ((3, 2), (5, 10))),
        (4, ((3, 10), (5, 2))),  # that lot is spent
        ("never", ((3, 5), (None, 7))),
    ],
)
def test_a_refund_takes_from_the_lot_that_its_order_filled(
    lot_of: int | str | None, taken: tuple[tuple[int | None, int], ...]
) -> None:
    """R-18."""
    on = NEVER if lot_of == "never" else day(lot_of) if isinstance(lot_of, int) else None
    before = account((3, 10), (5, 10), (None, 7))
    found = made(reverse(before, 12, CLAMP, why(), lot_of=on))
    assert found.entries[0].lots == lots(*taken)


@pytest.mark.parametrize("points", [0, -3])
def test_nothing_taken_back_is_no_posting(points: int) -> None:
    assert reverse(account((3, 10)), points, CLAMP, why()) is None


# --- the night -------------------------------------------------------------------------------


def test_the_night_lets_go_what_is_over_and_nothing_else() -> None:
    before = account((-2, 1), (-1, 2), (0, 4), (1, 8), (None, 16))
    found = made(expire(before, why()))
    assert (moved(found), found.entries[0].lots) == ([-3], lots((-2, 1), (-1, 2)))
    assert found.account.lots == lots((0, 4), (1, 8), (None, 16))
    assert expire(found.account, why()) is None


@pytest.mark.parametrize(
    ("before", "due"),
    [
        (account(), False),
        (account((0, 5)), False),
        (account((-1, 5)), True),
        (account((None, 5)), False),
        (account(pending=(waiting(active=0),)), True),
        (account(pending=(waiting(active=1),)), False),
    ],
)
def test_a_night_has_to_do_where_something_is_over_or_begins(before: Account, due: bool) -> None:
    assert before.due_on(day(0)) is due


def test_what_is_shown_of_the_next_expiry() -> None:
    """ECO-16: the ledger's own value and date."""
    shown = account((3, 10), (5, 4), (None, 7))
    assert shown.next_expiry(day(3)) == lots((3, 10))[0]
    assert shown.next_expiry(day(4)) == lots((5, 4))[0], "the night has not come yet"
    assert shown.next_expiry(day(6)) is None
    assert [shown.expiring(day(ahead)) for ahead in (3, 4, 5)] == [10, 0, 4]
    assert account((None, 7)).next_expiry(day(0)) is None
