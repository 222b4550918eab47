"""The day's report: what adds up, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from concord.domain.points.posting import EntryKind
from concord.domain.points.report import COLUMN, DayReport, DayRow, report_of

ON = date(2026, 11, 22)
ROWS = (
    DayRow("a", 7, EntryKind.ACCRUE, 50, 0, 80),
    DayRow("a", 8, EntryKind.HOLD, -30, 0, 50),
    DayRow("a", 9, EntryKind.RELEASE, 30, 0, 80),
    DayRow("b", 1, EntryKind.PEND, 0, 12, 0),
    DayRow("b", 2, EntryKind.REWARD, 5, 0, 5),
    DayRow("b", 3, EntryKind.ACCRUE, 12, -12, 17),
    DayRow("c", 4, EntryKind.REVERSE, -70, 0, -20),
    DayRow("d", 2, EntryKind.EXPIRE, -9, 0, 0),
    DayRow("e", 2, EntryKind.REIMBURSE, 4, 0, 4),
    DayRow("e", 3, EntryKind.REISSUE, 6, 0, 10),
    DayRow("f", 1, EntryKind.ADJUST, -3, 0, 2),
)


def test_a_day_adds_up() -> None:
    """L-03, reliability 21: rewards are earned, a reissue is reimbursed, pending is apart."""
    report = replace(report_of(ON, ROWS), opening=1000)
    assert report.moved == {
        "earned": 67,
        "reversed": -70,
        "redeemed": 0,
        "reimbursed": 10,
        "expired": -9,
        "adjusted": -3,
    }
    assert (report.opening, report.change, report.closing) == (1000, -5, 995)
    assert (report.entries, report.pending, report.gaps) == (11, 0, 0)
    assert report.adds_up


def test_every_kind_has_a_column() -> None:
    assert set(COLUMN) == set(EntryKind)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:1] + ROWS[2:],  # an entry is missing
        (ROWS[0], replace(ROWS[1], points=-29), *ROWS[2:]),
        (ROWS[0], replace(ROWS[1], balance=51), *ROWS[2:]),
        (ROWS[0], ROWS[1], ROWS[1], *ROWS[2:]),  # one stands twice
    ],
)
def test_a_day_whose_entries_do_not_follow_does_not_add_up(rows: tuple[DayRow, ...]) -> None:
    """L-03: the alarm's reason."""
    report = report_of(ON, rows)
    assert report.gaps > 0
    assert not report.adds_up


def test_parts_of_a_day_make_the_day() -> None:
    """Shards are read one by one."""
    parts = [report_of(ON, ROWS[:3]), report_of(ON, ROWS[3:6]), report_of(ON, ROWS[6:])]
    whole = DayReport(ON, opening=1000)
    for part in parts:
        whole = whole.and_also(part)
    assert whole == replace(report_of(ON, ROWS), opening=1000)


def test_a_day_without_entries_closes_as_it_opened() -> None:
    report = DayReport(ON, opening=17)
    assert (report.closing, report.adds_up) == (17, True)
