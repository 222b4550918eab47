"""Who changed what on a connection, newest first."""

from __future__ import annotations

from concord.domain.audit import AuditEntry
from concord.domain.page import Page, page
from concord.domain.times import to_rfc3339
from concord.ports import Audit, Connections
from concord.services.change_connection import find_connection


class ReadAudit:
    """Pages through the audit trail."""

    def __init__(self, connections: Connections, audit: Audit) -> None:
        self._connections = connections
        self._audit = audit

    def __call__(self, connection_id: str, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Return a page of a connection's audit trail. Raises NotFoundError."""
        connection = find_connection(self._connections, connection_id)
        entries = self._audit.of(connection.merchant_id, connection_id)
        return page(entries, limit, cursor, lambda e: to_rfc3339(e.at), descending=True)
