"""Jobs: how far work that outlasts a request has come, and what became of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from concord.domain.tasks import TaskKind

# Of each reason so many rows are named: an item has 400 KB, and no reason may hide another.
ROWS_NAMED: Final = 500

# Why a job of a connection failed, or was not begun.
NOT_CONNECTED: Final = "connection_not_connected"
NO_CAPABILITY: Final = "no_capability"
AWAY: Final = "platform_unavailable"


class JobState(StrEnum):
    """Where a job is. `done` and `failed` are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """Progress. `created` + `updated` + all of `skipped` (by reason) is `done`, out of `total`.

    `rows` names the rows of a file that were skipped, by reason, the first `ROWS_NAMED` of each.
    `counted` = `total` is known. `cursor` is where the next slice of work begins; `begun` is what
    `done` was when the slice that may be running began: a slice that begins there once more was
    killed in its middle. `notes` counts what is done beside that; `reason` says why a job failed.
    `found` is what a preview has reckoned.
    """

    job_id: str
    kind: TaskKind
    created_at: datetime
    state: JobState = JobState.QUEUED
    done: int = 0
    total: int = 0
    created: int = 0
    updated: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    counted: bool = False
    cursor: str = ""
    begun: int = -1
    notes: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in (JobState.DONE, JobState.FAILED)

    @property
    def result(self) -> dict[str, Any] | None:
        """Return what an import or a full read came to; None if nothing more is to be said.

        Of an import `{"rows": [{"row", "result"}], "complete", "reason"}`: `complete` false = more
        rows were skipped than are named; `skipped` counts all of them. Of a full read `{"groups",
        "left", "complete", "reason"}`: groups that were named, shoppers who were listed no more and
        lost their groups, and whether all were listed: if not, nobody lost hers. Of a preview: what
        domain/preview.py makes of it, once it is done.
        """
        if self.kind is TaskKind.PREVIEW_BROADCAST and self.state is JobState.DONE:
            return dict(self.found)
        if self.kind is TaskKind.SYNC_SHOPPERS:
            return {
                "groups": self.notes.get("groups", 0),
                "left": self.notes.get("left", 0),
                "complete": bool(self.notes.get("complete", 0)),
                "reason": self.reason or None,
            }
        if self.kind is not TaskKind.IMPORT_CONSENTS:
            return {"reason": self.reason} if self.reason else None
        named = sorted((row, reason) for reason, rows in self.rows.items() for row in rows)
        return {
            "rows": [{"row": row, "result": reason} for row, reason in named],
            "complete": len(named) == sum(self.skipped.values()),
            "reason": self.reason or None,
        }

    def note(self, **more: int) -> Job:
        """Return the job with so much more beside its progress."""
        counts = {name: self.notes.get(name, 0) + count for name, count in more.items()}
        return replace(self, notes={**self.notes, **counts})

    def tell(
        self,
        *,
        created: int = 0,
        updated: int = 0,
        skipped: Iterable[tuple[str, int | None]] = (),
    ) -> Job:
        """Return the job with so much more done. `skipped` is reason and row (None = not named)."""
        counts = dict(self.skipped)
        rows = {reason: list(named) for reason, named in self.rows.items()}
        for reason, row in skipped:
            counts[reason] = counts.get(reason, 0) + 1
            named = rows.setdefault(reason, []) if row is not None else []
            if row is not None and len(named) < ROWS_NAMED:
                named.append(row)
        done = self.done + created + updated + sum(counts.values()) - sum(self.skipped.values())
        return replace(
            self,
            state=JobState.RUNNING,
            done=done,
            total=max(self.total, done),
            created=self.created + created,
            updated=self.updated + updated,
            skipped=counts,
            rows={reason: tuple(named) for reason, named in rows.items()},
        )
