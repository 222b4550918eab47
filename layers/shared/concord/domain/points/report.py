"""The day's report: what a programme owes its members, and every point that came and went (L-03).

closing = opening + earned - reversed - redeemed + reimbursed - expired +- adjusted. Each column is
signed here, so that the closing is a plain sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from concord.domain.points.posting import EntryKind

# The column of each kind. A hold counts as redeemed from the moment it is taken.
COLUMN: Final[Mapping[EntryKind, str]] = {
    EntryKind.ACCRUE: "earned",
    EntryKind.REWARD: "earned",
    EntryKind.REVERSE: "reversed",
    EntryKind.HOLD: "redeemed",
    EntryKind.COMMIT: "redeemed",
    EntryKind.RELEASE: "redeemed",
    EntryKind.REIMBURSE: "reimbursed",
    EntryKind.REISSUE: "reimbursed",
    EntryKind.EXPIRE: "expired",
    EntryKind.ADJUST: "adjusted",
    EntryKind.PEND: "earned",
}
COLUMNS: Final = tuple(dict.fromkeys(COLUMN.values()))


@dataclass(frozen=True, slots=True)
class DayRow:
    """What the report needs of an entry. `member_key` tells one account from another."""

    member_key: str
    seq: int
    kind: EntryKind
    points: int
    pending: int
    balance: int


@dataclass(frozen=True, slots=True)
class DayReport:
    """One day of one programme. `moved` is signed, by column. `change` is what the accounts' own
    balances say: the sum of balance after the last entry - balance before the first.

    `gaps` counts entries that do not follow the one before of the same account: another entry is
    missing between them, or the balance is not the one before and the points. `pending` is apart.
    """

    on: date
    opening: int = 0
    moved: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    change: int = 0
    gaps: int = 0
    entries: int = 0
    pending: int = 0

    @property
    def closing(self) -> int:
        """Return what members have at the end of the day, by the entries."""
        return self.opening + sum(self.moved.values())

    @property
    def adds_up(self) -> bool:
        """Whether entries and balances tell the same."""
        return not self.gaps and self.closing == self.opening + self.change

    def and_also(self, other: DayReport) -> DayReport:
        """Return this part of the day and another one (a shard of it) together."""
        moved = {name: self.moved[name] + other.moved[name] for name in COLUMNS}
        return replace(
            self,
            moved=moved,
            change=self.change + other.change,
            gaps=self.gaps + other.gaps,
            entries=self.entries + other.entries,
            pending=self.pending + other.pending,
        )


def report_of(on: date, rows: Iterable[DayRow]) -> DayReport:
    """Return the report of these entries: those of one account stand together, in order."""
    moved = dict.fromkeys(COLUMNS, 0)
    change = gaps = entries = pending = 0
    last: DayRow | None = None
    for row in rows:
        moved[COLUMN[row.kind]] += row.points
        entries += 1
        pending += row.pending
        if last is not None and last.member_key == row.member_key:
            follows = row.seq == last.seq + 1 and row.balance == last.balance + row.points
            gaps += not follows
            change += row.balance - last.balance
        else:
            change += row.points  # its balance before is what is left without it
        last = row
    return DayReport(on, 0, moved, change, gaps, entries, pending)
