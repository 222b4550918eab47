"""Count groups anew, as a job: rows from what shoppers contribute, counters from the rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final
from zlib import crc32

from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import ConflictError
from concord.domain.groups import GROUP_SHARDS
from concord.domain.jobs import Job, JobState
from concord.domain.regroup import Verdict
from concord.domain.tasks import Task, TaskKind, TaskSpec, TaskState
from concord.ports import Clock, Connections, GroupAudience, GroupRepair, Jobs, Tasks, Telemetry
from concord.services.change_connection import find_connection
from concord.services.defer_tasks import DeferTasks
from concord.services.make_secrets import RandomBytes, new_scoped_id
from concord.services.regroup_tasks import REPAIR

_WORKS_FOR: Final = timedelta(seconds=4)
_AT_ONCE: Final = timedelta(0)
# The name of a sweep's task: one at a time for each connection.
_SWEEP: Final = "sweep"
SWEEP_PARTS: Final = 28
# Rows first: the counters are counted from them.
_STEPS: Final = ("members", "numbers", "counters")


class StartRepair:
    """`POST /v1/connections/{cid}/groups/repair`, and the sweep: after each daily read of a shop a
    part of its groups, so that each has its turn in SWEEP_PARTS. All of them every day would
    cost what shoppers exist instead of what happened."""

    def __init__(
        self,
        *,
        connections: Connections,
        jobs: Jobs,
        tasks: Tasks,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._connections = connections
        self._jobs = jobs
        self._tasks = tasks
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(self, connection_id: str) -> str:
        """Start it; returns the job's id. Raises NotFoundError, and ConflictError for a connection
        that is over: it texts nobody, and its groups are looked at no more."""
        connection = find_connection(self._connections, connection_id)
        if connection.state is ConnectionState.DISCONNECTED:
            raise ConflictError("this connection is over", code="connection_disconnected")
        job_id = self._job(connection)
        spec = _task(connection_id, job_id.rpartition(".")[2], job_id=job_id)
        self._tasks.ensure(connection.merchant_id, spec, self._clock.now())
        return job_id

    def sweep(self, connection: Connection, turn: int) -> None:
        """Look at the part of the groups whose turn it is, unless one is being looked at still."""
        now = self._clock.now()
        spec = _task(connection.connection_id, _SWEEP, part=turn % SWEEP_PARTS)
        if self._tasks.find(connection.merchant_id, spec) is None:
            job_id = self._job(connection)
            spec = replace(spec, payload={**spec.payload, "job_id": job_id})
            self._tasks.ensure(connection.merchant_id, spec, now)

    def _job(self, connection: Connection) -> str:
        job_id = new_scoped_id(connection.merchant_id, self._random_bytes, length=16)
        job = Job(job_id, TaskKind.REGROUP, self._clock.now())
        self._jobs.put(connection.merchant_id, job)
        return job_id


def _task(connection_id: str, name: str, **payload: int | str) -> TaskSpec:
    return TaskSpec(TaskKind.REGROUP, connection_id, f"{REPAIR}#{name}", payload=payload)


def part_of(group_id: str) -> int:
    """Return the part of a group, the same for ever: a sweep looks at one of SWEEP_PARTS parts."""
    return crc32(group_id.encode()) % SWEEP_PARTS


@dataclass(frozen=True, slots=True, order=True)
class _Unit:
    """One step of one shard of a group. Units are worked off in their order."""

    group_id: str
    step: int
    shard: int


type _Looks = Iterator[tuple[str, Callable[[], list[Verdict]]]]


class RepairGroups:
    """The worker of `repair#` tasks. `updated` counts what was put right, `skipped` what was right
    (`right`) and what could not be held still (`busy`)."""

    def __init__(
        self,
        *,
        audience: GroupAudience,
        repair: GroupRepair,
        jobs: Jobs,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._audience = audience
        self._repair = repair
        self._jobs = jobs
        self._tasks = tasks
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task, connection: Connection, name: str) -> None:
        """Do the next slice, then put the task off or end it."""
        job = self._jobs.get(str(task.payload["job_id"]))
        if job is not None and not job.ended:
            job = self._slice(connection, job, task.payload.get("part"))
            self._jobs.put(task.merchant_id, job)
        if job is None or job.ended:
            if job is not None and job.updated:
                # A bug, or a hand in the table: nothing of ours leaves a row wrong.
                self._telemetry.info(
                    "groups_repaired", connection_id=task.connection_id, rows=job.updated
                )
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
        else:
            self._defer.wait(task, _AT_ONCE, "next_slice")

    def _slice(self, connection: Connection, job: Job, part: int | None) -> Job:
        """Look at one thing after the other while there is time, at one always."""
        ends_at = self._clock.now() + _WORKS_FOR
        first, after = _place(job.cursor)
        worked = False
        for unit in self._units(connection, part):
            if first is not None and unit < first:
                continue
            after = after if unit == first else ""
            for row, look in self._looks(connection, unit, after):
                if worked and self._clock.now() >= ends_at:
                    cursor = json.dumps([unit.group_id, unit.step, unit.shard, after])
                    return replace(job, state=JobState.RUNNING, cursor=cursor)
                job, after, worked = _told(job, look()), row, True
        return replace(job, state=JobState.DONE, cursor="")

    def _units(self, connection: Connection, part: int | None) -> Iterator[_Unit]:
        counts = self._audience.counts(connection.merchant_id, connection.connection_id)
        for group in sorted(each.group_id for each in counts):
            if part is not None and part_of(group) != part:
                continue
            for step in range(len(_STEPS)):
                for shard in range(GROUP_SHARDS):
                    yield _Unit(group, step, shard)

    def _looks(self, connection: Connection, unit: _Unit, after: str) -> _Looks:
        """Yield the rows of a unit, each with the look at it."""
        where = (connection.merchant_id, connection.connection_id, unit.group_id)
        match _STEPS[unit.step]:
            case "members":
                for key in self._repair.members(*where, unit.shard, after):
                    yield key, partial(self._member, where, key)
            case "numbers":
                for point in self._repair.numbers(*where, unit.shard, after):
                    yield point, partial(self._number, where, point)
            case _:
                yield "", lambda: [self._repair.recount(*where, unit.shard)]

    def _member(self, where: tuple[str, str, str], key: str) -> list[Verdict]:
        """Look at her row, and put in the rows that her numbers lack."""
        lacking = self._repair.missing(*where, key)
        numbers = [self._repair.number(*where, point, self._clock.now())[0] for point in lacking]
        return [self._repair.member(*where, key), *numbers]

    def _number(self, where: tuple[str, str, str], point: str) -> list[Verdict]:
        """Look at a number's row, and at the rows of those who contribute it."""
        verdict, shoppers = self._repair.number(*where, point, self._clock.now())
        return [verdict, *(self._repair.member(*where, key) for key in shoppers)]


def _place(cursor: str) -> tuple[_Unit | None, str]:
    """Return the unit and the row in it that were worked off last."""
    if not cursor:
        return None, ""
    group_id, step, shard, after = json.loads(cursor)
    return _Unit(group_id, step, shard), after


def _told(job: Job, verdicts: list[Verdict]) -> Job:
    mended = sum(verdict is Verdict.MENDED for verdict in verdicts)
    others = [(verdict.value, None) for verdict in verdicts if verdict is not Verdict.MENDED]
    return job.tell(updated=mended, skipped=others)
