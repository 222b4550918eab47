"""End a merchant's night: when its last part is done, the day before is reported, and the next
night begins if it is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import reduce
from typing import Final

from concord.domain.errors import StorageUnavailableError
from concord.domain.metrics import Metric
from concord.domain.points.night import NIGHT_SHARDS, Night, Shard
from concord.domain.points.report import DayReport, report_of
from concord.ports import Clock, Merchants, Telemetry
from concord.ports.nights import Nights, Reports
from concord.ports.points import Ledger, Programmes

_ATTEMPTS: Final = 5


class EndNight:
    """What follows from a part that is done. Each step may be repeated, so whoever is killed here
    is followed by somebody who does all of it again."""

    def __init__(
        self,
        *,
        nights: Nights,
        reports: Reports,
        ledger: Ledger,
        programmes: Programmes,
        merchants: Merchants,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._nights = nights
        self._reports = reports
        self._ledger = ledger
        self._programmes = programmes
        self._merchants = merchants
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, shard: Shard) -> None:
        """Note the part; after the last one report the day before, and begin the next night that
        was missed. Raises StorageError."""
        night = shard.night
        if not self._nights.shard_done(night, shard.number):
            return
        for programme in self._programmes.of(night.merchant_id):
            self._report(night.merchant_id, programme.programme_id, night.day_before)
        self._move_on(night)
        if night.on < shard.until:
            self._nights.begin(night.next, shard.until, self._clock.now())

    def _move_on(self, night: Night) -> None:
        """Note that the night is done where the merchant is watched: he may move meanwhile."""
        for _ in range(_ATTEMPTS):
            merchant = self._merchants.get(night.merchant_id)
            if merchant is None or self._nights.move_on(night, merchant.time_zone):
                return
        raise StorageUnavailableError("this merchant is not watched in his zone")

    def _report(self, merchant_id: str, programme_id: str, on: date) -> None:
        """Make the report of a day, once: it opens with what the one before closed with (L-03)."""
        if self._reports.get(merchant_id, programme_id, on) is not None:
            return
        before = self._reports.last(merchant_id, programme_id, on)
        parts = [
            report_of(on, self._ledger.booked(merchant_id, programme_id, on, number))
            for number in range(NIGHT_SHARDS)
        ]
        report = replace(reduce(DayReport.and_also, parts), opening=before.closing if before else 0)
        if not report.adds_up:
            self._telemetry.count(Metric.REPORT_BROKEN)
            self._telemetry.info(
                "report_broken",
                merchant_id=merchant_id,
                programme_id=programme_id,
                on=on.isoformat(),
                gaps=report.gaps,
            )
        self._reports.keep(merchant_id, programme_id, report)
