"""What is kept of nights: which are due, how far they are, whom they told; and the reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

from concord.domain.points.night import Night, Notice, Watched
from concord.domain.points.report import DayReport
from concord.domain.tasks import TaskSpec


class Nights(Protocol):
    """The nights of merchants. A merchant is watched from his first programme on."""

    def watched(self) -> Iterator[Watched]:
        """Yield every merchant whose nights are kept, zone by zone. A moment old at most."""

    def through(self, merchant_id: str, zone: str) -> date | None:
        """Read the last local day that is done; None = his nights are not kept in this zone."""

    def begin(self, night: Night, until: date, now: datetime, *, again: bool = False) -> None:
        """Insert the tasks of those parts that are not done (`again` = of all), which go on with
        the nights up to `until`. Safe to repeat: a task that is there stays as it is."""

    def shard_done(self, night: Night, number: int) -> bool:
        """Note that a part is done; returns whether all parts are. Safe to repeat."""

    def move_on(self, night: Night, zone: str) -> bool:
        """Note that a night is done, if it is the next one. False: the merchant is not in this zone
        (any more)."""

    def tell(self, notice: Notice, tasks: Sequence[TaskSpec], now: datetime) -> bool:
        """Note that a member is told, with the tasks that tell her, in one transaction. False: she
        was told of that day, as near as this or nearer."""


class Reports(Protocol):
    """The reports of a programme's days. One is made once, and nothing changes it."""

    def get(self, merchant_id: str, programme_id: str, on: date) -> DayReport | None:
        """Read the report of a day."""

    def last(self, merchant_id: str, programme_id: str, before: date) -> DayReport | None:
        """Read the newest report of a day before `before`."""

    def keep(self, merchant_id: str, programme_id: str, report: DayReport) -> None:
        """Put it, unless there is one of that day."""
