"""The day's report of a programme."""

from __future__ import annotations

from datetime import date

from concord.domain.points.report import DayReport
from concord.entrypoint.admin.base import Answer


class ReportAnswer(Answer):
    """One day of a programme. `closing` is the sum of `opening` and all columns, each signed: what
    was reversed, redeemed or expired is negative.

    `pending` is by how much pending points moved, apart. `gaps` counts entries that do not follow
    the one before of the same account; `adds_up`: there is none, and the accounts' own balances say
    the same.
    """

    date: date
    opening: int
    earned: int
    reversed: int
    redeemed: int
    reimbursed: int
    expired: int
    adjusted: int
    closing: int
    pending: int
    entries: int
    gaps: int
    adds_up: bool


def report_answer(report: DayReport) -> ReportAnswer:
    """Return the answer about `report`."""
    return ReportAnswer(
        date=report.on,
        opening=report.opening,
        **report.moved,
        closing=report.closing,
        pending=report.pending,
        entries=report.entries,
        gaps=report.gaps,
        adds_up=report.adds_up,
    )
