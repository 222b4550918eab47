"""Tell the peers of a new connection what those of the account's last one never heard."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Final

from concord.domain.connection import Connection
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, merchant_of
from concord.domain.tasks import Task, TaskKind, TaskSpec, TaskState
from concord.ports import Clock, Connections, ConsentStore, Tasks, Untold
from concord.services.consent_tasks import push_tasks
from concord.services.defer_tasks import DeferTasks

_PER_RUN: Final = 200
_NEXT: Final = timedelta(seconds=1)


def tell_task(connection_id: str) -> TaskSpec:
    """Return the task that tells what is untold. It coalesces: a worker that may have looked too
    early looks again."""
    return TaskSpec(TaskKind.TELL_PEERS, connection_id, task_id="tell_peers", want=0)


class KeepUntold:
    """Keeps the push of a connection that is over, for the next one of the same account."""

    def __init__(
        self, *, untold: Untold, connections: Connections, tasks: Tasks, clock: Clock
    ) -> None:
        self._untold = untold
        self._connections = connections
        self._tasks = tasks
        self._clock = clock

    def __call__(self, push: Task, connection: Connection) -> None:
        """Note that the state of this point was not told; idempotent.

        The row first, the account's link second: a connection that claims the account after our
        look finds the row when it becomes `connected`, and one that had claimed it before, and
        perhaps looked already, gets the task that looks again.
        """
        self._untold.put(
            ConsentKey(
                push.merchant_id,
                str(push.payload["account"]),
                Channel(str(push.payload["channel"])),
                str(push.payload["point_id"]),
            )
        )
        account = connection.destination
        for successor in self._connections.linked(account.platform, account.account_id):
            if merchant_of(successor) == push.merchant_id:
                self._tasks.ensure(push.merchant_id, tell_task(successor), self._clock.now())


class TellPeers:
    """The worker of `tell_peers` rows: queues a push to both sides for each untold point."""

    def __init__(
        self,
        *,
        untold: Untold,
        store: ConsentStore,
        connections: Connections,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._untold = untold
        self._store = store
        self._connections = connections
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Queue the next part, then put the row off or end it; waits while nothing is connected.

        A row goes when its pushes are there: a crash in between queues them again, which is safe.
        """
        connection = self._connections.get(task.connection_id)
        if connection is None:
            self._tasks.fail(task, "no_connection", "", self._clock.now())
            return
        if self._defer.held(task, connection):
            return
        untold = self._untold.of(task.merchant_id, connection.account)
        part = list(islice(untold, _PER_RUN))
        for key in part:
            self._queue(connection, key)
        if len(part) == _PER_RUN:
            self._defer.wait(task, _NEXT, "next_page")
        else:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())

    def _queue(self, connection: Connection, key: ConsentKey) -> None:
        record = self._store.load(key)
        if record is not None:
            state, _ = record.marks.standing
            for spec in push_tasks(connection, key, record.version, state):
                self._tasks.ensure(key.merchant_id, spec, self._clock.now())
        self._untold.delete(key)
