"""The schedule edge: the event's time is the run's `as_of`, so any night can be run again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


class ScheduleEventError(ValueError):
    """The event does not say when it is from; the clock is no substitute for a re-run."""


def as_of(event: Mapping[str, Any]) -> datetime:
    """Return the event's `time` in UTC. Raises ScheduleEventError."""
    time = event.get("time")
    if not isinstance(time, str) or not time:
        raise ScheduleEventError("the event has no `time`; give one, like 2026-01-31T02:00:00Z")
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        raise ScheduleEventError("the event's `time` is not an RFC 3339 time") from None
    if parsed.tzinfo is None:
        raise ScheduleEventError("the event's `time` has no zone; end it with Z")
    return parsed.astimezone(UTC)


def merchant_again(event: Mapping[str, Any]) -> str | None:
    """Return the merchant whose night an operator asks for once more (`again`); a schedule's event
    names none. Raises ScheduleEventError."""
    merchant_id = event.get("again")
    if merchant_id is not None and not (isinstance(merchant_id, str) and merchant_id):
        raise ScheduleEventError("`again` is the id of a merchant")
    return merchant_id
