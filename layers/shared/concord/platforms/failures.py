"""What a failed text says of its number, by the platform's own code (R-07)."""

from __future__ import annotations

from collections.abc import Mapping

from concord.domain.events import DeliveryStatus, Failure

type Failures = Mapping[str, Failure]
"""Their codes -> what they say. A platform's folder has one; what it does not list is soft, because
a number that is suppressed by mistake hears nothing more, and nobody notices."""


def failure_of(status: DeliveryStatus, code: str | None, table: Failures) -> Failure | None:
    """Return what a receipt says of its number; None = nothing, the text did not fail."""
    if status is not DeliveryStatus.FAILED:
        return None
    return table.get(code or "", Failure.SOFT)
