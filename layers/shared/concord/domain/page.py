"""Lists in parts: a page, and the cursor that brings the next."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from concord.domain.errors import FieldError, InvalidInputError


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list. `cursor` is what brings the next part; None = this was the last."""

    items: tuple[T, ...]
    cursor: str | None = None


def page[T](
    items: Iterable[T],
    limit: int,
    cursor: str | None,
    position: Callable[[T], str],
    *,
    descending: bool = False,
) -> Page[T]:
    """Return at most `limit` items after `cursor` of a list that is sorted by `position`."""
    after = read_cursor(cursor)
    taken: list[T] = []
    for item in items:
        at = position(item)
        if after is not None and (at >= after if descending else at <= after):
            continue
        if len(taken) == limit:
            return Page(tuple(taken), write_cursor(position(taken[-1])))
        taken.append(item)
    return Page(tuple(taken))


def write_cursor(position: str) -> str:
    """Return a cursor: opaque to callers, safe in a URL."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """Return the position in a cursor. Raises InvalidInputError for what we did not write."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        message = "use the cursor of the page before, as it came"
        raise InvalidInputError("bad cursor", errors=(FieldError("cursor", message),)) from None
