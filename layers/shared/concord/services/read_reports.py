"""The day's report of a programme, as the night made it (L-03)."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError, NotFoundError
from concord.domain.points.report import DayReport
from concord.ports.nights import Reports
from concord.services.manage_programmes import ManageProgrammes

_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ReadReports:
    """Reads reports. Each is made once, in the night after its day, and nothing changes it."""

    def __init__(self, programmes: ManageProgrammes, reports: Reports) -> None:
        self._programmes = programmes
        self._reports = reports

    def __call__(self, merchant_id: str, programme_id: str, day: str) -> DayReport:
        """Return the report of a day (`YYYY-MM-DD`, the merchant's).

        Raises InvalidInputError, NotFoundError: there is no such programme, or no report yet.
        """
        on = _day(day)
        self._programmes.get(merchant_id, programme_id)
        found = self._reports.get(merchant_id, programme_id, on)
        if found is None:
            raise NotFoundError("no report of this day: it is made in the night after it")
        return found


def _day(text: str) -> date:
    try:
        # fromisoformat alone would take weeks, and days without hyphens.
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        message = "use a day such as 2026-11-30"
        raise InvalidInputError("no such day", errors=(FieldError("date", message),)) from None
