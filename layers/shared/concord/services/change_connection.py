"""Find a connection, change it safely, write down who did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import ConflictError, NotFoundError
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
