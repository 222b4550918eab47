"""A full read of a shop's groups and shoppers: where it is, and what becomes of each shopper."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from concord.domain.tasks import TaskKind, TaskSpec
from concord.domain.times import from_rfc3339, to_rfc3339

# What may be skipped, by reason. The first two are shoppers, the others parts or entries.
UNCHANGED: Final = "unchanged"
NEWER: Final = "newer_word"
INVALID_PHONE: Final = "invalid_phone"
INVALID_EMAIL: Final = "invalid_email"
TOO_MANY_PHONES: Final = "too_many_phones"
INVALID_GROUP: Final = "invalid_group"
UNREADABLE: Final = "unreadable"

# Why a job failed.
NEVER_ENDS: Final = "paging_never_ends"


class Phase(StrEnum):
    """What is being done: groups are named, shoppers saved, those who are listed no more left."""

    GROUPS = "groups"
    SHOPPERS = "shoppers"
    LEAVERS = "leavers"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a read is.

    `cursor` brings the page that comes next, of the pages of this phase the one with number `page`
    (from 0). `at` is when that page was asked for first, None = it was not yet: whoever was saved
    at that very moment was saved by this page, also by a worker that died. `listed` counts the
    entries that were seen, `total` is the most that the shop said there are, `full` is False once
    an entry could not be read, `failures` counts the tries of this page that failed.
    """

    phase: Phase = Phase.GROUPS
    cursor: str | None = None
    page: int = 0
    at: datetime | None = None
    listed: int = 0
    total: int = 0
    full: bool = True
    failures: int = 0

    def asked(self, at: datetime) -> Place:
        """Return the place once its page is asked for at `at`; a repeat keeps the first moment."""
        return self if self.at else replace(self, at=at)

    def after(
        self, cursor: str | None, listed: int = 0, unreadable: int = 0, total: int | None = None
    ) -> Place:
        """Return the place behind its page, which had so many entries."""
        return replace(
            self,
            cursor=cursor,
            page=self.page + 1,
            at=None,
            listed=self.listed + listed + unreadable,
            total=max(self.total, total or 0),
            full=self.full and not unreadable,
            failures=0,
        )

    def failed(self) -> Place:
        """Return the place after one more try that failed."""
        return replace(self, failures=self.failures + 1)

    @property
    def saw_all(self) -> bool:
        """Whether everybody was listed, once the last page is behind.

        A shop without a single shopper is a shop whose list failed. The most that it ever said: if
        somebody is deleted while pages are numbered, one on the next page moves to the page before.
        """
        return self.full and 0 < self.listed >= self.total

    def next_phase(self) -> Place:
        """Return the beginning of the phase that follows."""
        phases = list(Phase)
        return Place(phases[phases.index(self.phase) + 1])

    def write(self) -> str:
        """Return the place as a job keeps it."""
        return json.dumps({**asdict(self), "at": to_rfc3339(self.at) if self.at else None})

    @classmethod
    def read(cls, text: str) -> Place:
        """Return the place that `write` wrote; "" is the beginning."""
        if not text:
            return cls()
        data = json.loads(text)
        at = data["at"]
        return cls(**{**data, "phase": Phase(data["phase"]), "at": from_rfc3339(at) if at else at})


@dataclass(frozen=True, slots=True)
class ShopperOutcome:
    """What became of a listed shopper: exactly one of created, updated and skipped (by reason).
    `lost` names the reasons for which a number or a group of hers was left out, one for each."""

    created: bool = False
    updated: bool = False
    skipped: str = ""
    lost: tuple[str, ...] = ()


_RUN: Final = "run"


def run_task(connection_id: str, job_id: str = "") -> TaskSpec:
    """Return the task of the one read of a connection that may run at a time."""
    return TaskSpec(TaskKind.SYNC_SHOPPERS, connection_id, _RUN, payload={"job_id": job_id})


def timer_task(connection_id: str, hours: int) -> TaskSpec:
    """Return the task that stays, and starts a read every so many hours.

    Another interval is another task: the one of an interval that is set no more ends by itself.
    """
    return TaskSpec(TaskKind.SYNC_SHOPPERS, connection_id, f"every-{hours}h")
