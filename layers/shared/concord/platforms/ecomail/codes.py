"""Ecomail's numbers and words -> ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from concord.domain.contacts import SubscriberStatus
from concord.domain.errors import PermanentError, PlatformError
from concord.platforms.calls import scrub, words

STATUSES: Final[Mapping[int, SubscriberStatus]] = {
    1: SubscriberStatus.SUBSCRIBED,
    2: SubscriberStatus.UNSUBSCRIBED,
    3: SubscriberStatus.SOFT_BOUNCED,
    4: SubscriberStatus.HARD_BOUNCED,
    5: SubscriberStatus.COMPLAINED,
    6: SubscriberStatus.UNCONFIRMED,
}
SUBSCRIBED: Final = 1
UNSUBSCRIBED: Final = 2
# What an operator can do about a refused key (ECO-20).
KEY_HINT: Final = "Ecomail refused the API key: check it under Manage account > For developers"


# No zone is further ahead of UTC.
_FURTHEST_EAST: Final = timedelta(hours=14)


def earliest(said: object) -> datetime | None:
    """Return the earliest moment (UTC) that a time of theirs may mean; None = it is none.

    Some of their times have a Z, others no zone at all: those may be local to any.
    """
    try:
        at = datetime.fromisoformat(str(said))
        return (at if at.tzinfo else at.replace(tzinfo=UTC) - _FURTHEST_EAST).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def refusal(status: int, body: Mapping[str, Any]) -> PlatformError | None:
    """Read an error body, whatever its shape: they document none."""
    if status == 404:
        return PermanentError(_said(body), reason="not_found")
    if status in (400, 409, 422):
        return PermanentError(f"status {status}: {_said(body)}", reason="refused")
    return None


def of_event(status: int, body: Mapping[str, Any]) -> PlatformError | None:
    """As `refusal`, of a tracker event: 404 says that no list has the contact (inferred)."""
    if status == 404:
        return PermanentError(_said(body), reason="unknown_subscriber")
    return refusal(status, body)


def _said(body: Mapping[str, Any]) -> str:
    """Return their words without what is personal; of `errors` by field its names, which are ours.

    The values under `errors` quote what was sent, sometimes without anything that gives it away.
    """
    errors = body.get("errors")
    if isinstance(errors, Mapping) and errors:
        return scrub("errors in " + ", ".join(str(name) for name in errors))
    if isinstance(errors, str) and errors:
        return scrub(errors)
    return words(body)
