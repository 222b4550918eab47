"""What the rows of tasks say: who holds one, how it ended, what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from concord.domain.page import write_cursor
from concord.domain.tasks import RowKey, TaskKind


class Lease(StrEnum):
    """Why a worker did not get the row."""

    BUSY = "busy"
    GONE = "gone"


class Finish(StrEnum):
    """What happened when a worker gave a row back."""

    DONE = "done"
    NEWER = "newer"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DueRow:
    """A row of the due index: keys only, so everything here is parsed from the key itself.

    `waits`: for a moment further away than a message can be delayed, so it has none yet.
    """

    key: RowKey
    kind: str
    due_at: datetime
    created_at: datetime
    waits: bool = False


@dataclass(frozen=True, slots=True)
class TaskRef:
    """What the key of a task row says about it."""

    merchant_id: str
    kind: TaskKind
    connection_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class ParkedTask:
    """A task that a platform refused for good, with the platform's own words."""

    key: RowKey
    merchant_id: str
    connection_id: str
    kind: TaskKind
    task_id: str
    at: datetime
    reason: str
    words: str
    attempts: int
    payload: Mapping[str, Any]

    @property
    def failure_id(self) -> str:
        """Return its place in the list: opaque, and safe in a URL."""
        return write_cursor(self.key.sk)
