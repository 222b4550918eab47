"""What the rows of tasks say: who holds one, how it ended, what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
    """A row of the due index: keys only, so everything here is parsed from the key itself."""

    key: RowKey
    kind: str
    due_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TaskRef:
    """What the key of a task row says about it."""

    merchant_id: str
    kind: TaskKind
    connection_id: str
    task_id: str
