"""Start the nights that are due: every hour, for merchants all over the world."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from concord.domain.errors import NotFoundError
from concord.domain.metrics import Metric
from concord.domain.points.night import ONE_DAY, Night, begun, is_late
from concord.ports import Clock, Merchants, Telemetry
from concord.ports.nights import Nights

# Of the minute that the function has: what is left then is started by the next hour's run.
_WORKS_FOR: Final = timedelta(seconds=45)


class StartNights:
    """Finds merchants whose local day has begun and was not worked off."""

    def __init__(
        self, *, nights: Nights, merchants: Merchants, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._nights = nights
        self._merchants = merchants
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, as_of: datetime) -> None:
        """Insert the tasks of each merchant's oldest night that is due at `as_of` and not done; the
        nights after it follow one by one (EndNight). Safe to repeat, at once and for any time."""
        behind = [m for m in self._nights.watched() if m.through < begun(as_of, m.zone)]
        late = sum(is_late(merchant, as_of) for merchant in behind)
        if late:
            self._telemetry.gauge(Metric.NIGHT_LATE, late)
        ends = self._clock.now() + _WORKS_FOR
        # The oldest first: whoever has missed most is helped first when time runs out.
        behind.sort(key=lambda merchant: (merchant.through, merchant.merchant_id))
        for number, merchant in enumerate(behind):
            now = self._clock.now()
            if now >= ends:
                self._telemetry.info("nights_left", merchants=len(behind) - number)
                return
            night = Night(merchant.merchant_id, merchant.through + ONE_DAY)
            self._nights.begin(night, begun(as_of, merchant.zone), now)

    def again(self, merchant_id: str, as_of: datetime) -> None:
        """Work one night off once more, though it is done: that of the local day of `as_of`. What
        is still open of it is done, and nothing twice. One that is not done yet is not run ahead of
        those before it. Raises NotFoundError."""
        merchant = self._merchants.get(merchant_id)
        if merchant is None:
            raise NotFoundError("no such merchant")
        through = self._nights.through(merchant_id, merchant.time_zone)
        if through is None:
            raise NotFoundError("this merchant has no programme, and so no nights")
        until = begun(as_of, merchant.time_zone)
        night = Night(merchant_id, min(until, through + ONE_DAY))
        self._nights.begin(night, until, self._clock.now(), again=True)
