"""Kept bodies."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from concord.domain.inbox import InboxState
from concord.entrypoint.admin.base import Answer, Name, PageQuery, Sent


class ReplaysPost(Sent):
    """A span of time whose bodies are applied again."""

    start: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime, Field(alias="to")]
    connection_id: Name | None = None


class InboxQuery(PageQuery):
    """Which bodies; without a span, all of the last 30 days."""

    state: InboxState | None = None
    start: Annotated[AwareDatetime | None, Field(alias="from")] = None
    end: Annotated[AwareDatetime | None, Field(alias="to")] = None


class InboxAnswer(Answer):
    """A kept body, without the body: that is personal data."""

    inbox_id: str
    connection_id: str
    platform: str
    topic: str
    kind: str
    state: InboxState
    received_at: AwareDatetime
    error: str | None
    replays: int


class InboxPage(Answer):
    """Kept bodies, oldest first. A page may be empty and still have a cursor."""

    items: list[InboxAnswer]
    cursor: str | None


class Replayed(Answer):
    """What became of a body that was applied again."""

    inbox_id: str
    state: InboxState
