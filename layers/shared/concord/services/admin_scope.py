"""What admin use cases share: find a connection, change it safely, cut lists in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from concord.domain.identity import merchant_of
from concord.ports import Connections

_ATTEMPTS: Final = 8


def find_connection(connections: Connections, connection_id: str) -> Connection:
    """Return the connection as it is now. A forged id reads no row. Raises NotFoundError."""
    try:
        merchant_of(connection_id)
    except ValueError:
        raise NotFoundError("no such connection") from None
    connection = connections.get(connection_id, fresh=True)
    if connection is None:
        raise NotFoundError("no such connection")
    return connection


def change_connection(
    connections: Connections,
    connection_id: str,
    change: Callable[[Connection], Connection],
    audit: Callable[[Connection, Connection], AuditEntry],
    *,
    always: bool = False,
) -> Connection:
    """Apply `change` to the connection as it is now, and again if somebody else was first.

    A change that changes nothing writes nothing, unless `always` (what changed lies elsewhere).
    """
    for _ in range(_ATTEMPTS):
        current = find_connection(connections, connection_id)
        changed = change(current)
        if changed == current and not always:
            return current
        changed = replace(changed, version=current.version + 1)
        over = ConnectionState.DISCONNECTED
        ends = changed.state is over and current.state is not over
        write = connections.disconnect if ends else connections.update
        if write(changed, audit(current, changed)):
            return changed
    raise ConflictError("the connection kept changing; send it again", code="changed_meanwhile")


def audit_entry(
    connection: Connection, at: datetime, actor: str, action: str, details: Mapping[str, Any]
) -> AuditEntry:
    """Return the audit record of a change to a connection. `details` may hold no secret."""
    return AuditEntry(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        at=at,
        actor=actor or "unknown",
        action=action,
        details=details,
    )


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
