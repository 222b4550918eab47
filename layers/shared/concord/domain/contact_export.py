"""A one-off export of all customers: where it is, and what becomes of each of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Final

from concord.domain.tasks import TaskKind, TaskSpec

# What becomes of a customer: she is written, or left out for one of these reasons.
CREATED: Final = "created"
UPDATED: Final = "updated"
WRITTEN: Final = frozenset({CREATED, UPDATED})
UNCHANGED: Final = "unchanged"
NO_EMAIL: Final = "no_email"
OPTED_OUT: Final = "opted_out"
# The platform does not take her as she is; also what a whole job fails with, see REFUSED_IN_A_ROW.
REFUSED: Final = "refused"

# Why a job failed.
NO_LIST: Final = "no_list"

# So many refused one by one, and nobody taken in between: it is not about any one of them.
REFUSED_IN_A_ROW: Final = 100
# Requests that may be spent on how many customers there are. Each looks at 1,000 rows at most.
COUNTING_READS: Final = 400

_RUN: Final = "run"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an export is.

    First the customers are counted: `counting` is the cursor behind those who are, `counted` how
    many, `reads` what it took; `counting` None = it is over.

    `after` is the cursor behind the customers who are done. `plan` says of those who come next what
    becomes of them, by name, and `behind` is the cursor behind them (None = nobody follows): it is
    kept before the first of them is written, so that each counts once and as what she was then,
    however often her part is begun. `failures` counts the tries of this part that failed.

    `at_once` is how many of the plan are written with one call, None = all: fewer, while somebody
    is looked for whom the platform refuses. `refused` counts those refused one after the other.
    """

    after: str = ""
    plan: Mapping[str, str] = field(default_factory=dict)
    behind: str | None = None
    failures: int = 0
    at_once: int | None = None
    refused: int = 0
    counting: str | None = ""
    counted: int = 0
    reads: int = 0

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

    def count(self, more: int, cursor: str | None) -> Place:
        """Return the place after one more request that counted; so many are too many."""
        reads = self.reads + 1
        given_up = cursor is not None and reads >= COUNTING_READS
        counted = 0 if given_up else self.counted + more
        cursor = None if given_up else cursor
        return replace(self, counting=cursor, counted=counted, reads=reads)

    @property
    def part(self) -> dict[str, str]:
        """What is written with the next call, of the plan."""
        return dict(islice(self.plan.items(), self.at_once))

    def halved(self) -> Place:
        """Return the place after a call that was refused: half as many with the next one."""
        return replace(self, at_once=len(self.part) // 2, failures=0)

    def told(self, part: Collection[str], *, refused: bool, taken: bool) -> Place | None:
        """Return the place once a part of the plan is done; None = nobody follows.

        `refused` = it was one whom the platform does not take, `taken` = it took somebody: then
        twice as many are tried with the next call.
        """
        in_a_row = 0 if taken else self.refused + refused
        left = {name: outcome for name, outcome in self.plan.items() if name not in part}
        if not left:
            if self.behind is None:
                return None
            return Place(after=self.behind, refused=in_a_row, counting=None)
        at_once = self.at_once if refused or self.at_once is None else 2 * self.at_once
        return replace(self, plan=left, failures=0, at_once=at_once, refused=in_a_row)


def run_task(connection_id: str, job_id: str = "") -> TaskSpec:
    """Return the task of the one export of a connection that may run at a time."""
    return TaskSpec(TaskKind.EXPORT_CONTACTS, connection_id, _RUN, payload={"job_id": job_id})
