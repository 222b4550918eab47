"""Who changed what on a connection."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime

from concord.entrypoint.admin.base import Answer


class AuditAnswer(Answer):
    """Who changed what."""

    at: AwareDatetime
    actor: str
    action: str
    details: dict[str, Any]


class AuditPage(Answer):
    """The audit trail, newest first."""

    items: list[AuditAnswer]
    cursor: str | None
