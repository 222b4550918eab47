"""A one-off export of all customers: where it is, and what becomes of each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from concord.domain.tasks import TaskKind, TaskSpec

# What becomes of a customer: she is written, or left out for one of these reasons.
CREATED: Final = "created"
UPDATED: Final = "updated"
WRITTEN: Final = frozenset({CREATED, UPDATED})
UNCHANGED: Final = "unchanged"
NO_EMAIL: Final = "no_email"
OPTED_OUT: Final = "opted_out"

# Why a job failed.
NO_LIST: Final = "no_list"
NO_CAPABILITY: Final = "no_capability"
AWAY: Final = "platform_unavailable"

_RUN: Final = "run"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an export is.

    `after` is the cursor behind the customers who are done. `plan` says of those who come next what
    becomes of them, by name, and `behind` is the cursor behind them (None = nobody follows): it is
    kept before the first of them is written, so that each counts once and as what she was then,
    however often her part is begun. `failures` counts the tries of this part that failed.
    """

    after: str = ""
    plan: Mapping[str, str] = field(default_factory=dict)
    behind: str | None = None
    failures: int = 0

    def write(self) -> str:
        """Return the place as a job keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Place:
        """Return the place that `write` wrote; "" is the beginning."""
        return cls(**json.loads(text)) if text else cls()

    def failed(self) -> Place:
        """Return the place after one more try that failed."""
        return replace(self, failures=self.failures + 1)


def run_task(connection_id: str, job_id: str = "") -> TaskSpec:
    """Return the task of the one export of a connection that may run at a time."""
    return TaskSpec(TaskKind.EXPORT_CONTACTS, connection_id, _RUN, payload={"job_id": job_id})
