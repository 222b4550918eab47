"""Times: RFC 3339 in and out, and the moment from which a signal counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

STALE_OPT_OUT = timedelta(hours=24)
_REST_OF_SECOND = timedelta(microseconds=999_999)


def to_rfc3339(at: datetime) -> str:
    """Return `at` (aware) in UTC with microseconds: text that sorts like time."""
    # isoformat pads the year, which strftime leaves to the C library.
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_rfc3339(text: str) -> datetime:
    """Parse RFC 3339 (an offset or Z is required) to UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs an offset or Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:  # year 1 or 9999, pushed over the edge by its offset
        raise ValueError("a time out of range") from None


def local_date(at: datetime, time_zone: str) -> date:
    """Return which day `at` (aware) is in an IANA time zone."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def effective_at(
    occurred_at: datetime | None, received_at: datetime, *, live_opt_out: bool = False
) -> datetime:
    """Return the moment a signal counts from; fixed when first received (rules.md, Consent).

    Never after `received_at`. A source that only knows whole seconds is refined by `received_at`
    when that lies in the same second, so that STOP and JOIN of one second keep their order. What
    comes later than that has lost its order: an opt-out then counts from the end of its second, so
    that it holds against anything else of that second. A live opt-out dated more than 24 h back
    counts from now: a wrong clock must not hide it behind an older opt-in.
    """
    if occurred_at is None or occurred_at >= received_at:
        return received_at
    if live_opt_out and received_at - occurred_at > STALE_OPT_OUT:
        return received_at
    end = occurred_at + _REST_OF_SECOND
    if occurred_at.microsecond == 0 and (live_opt_out or received_at <= end):
        return min(received_at, end)
    return occurred_at
