"""The one clock of the sandbox."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime | None = None) -> str:
    """Spell a time as RFC 3339 with milliseconds."""
    return (at or now()).isoformat(timespec="milliseconds").replace("+00:00", "Z")
