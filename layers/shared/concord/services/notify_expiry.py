"""Tell a connection that points of a member expire soon (ECO-15)."""

from __future__ import annotations

from datetime import date

from concord.domain.points.account import AccountKey
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Tasks
from concord.ports.points import Ledger
from concord.services.contact_tasks import expiry_event


class NotifyExpiry:
    """The worker of `notify_expiry` tasks."""

    def __init__(
        self, ledger: Ledger, connections: Connections, tasks: Tasks, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._connections = connections
        self._tasks = tasks
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Read the account once more, and leave the event that its contact list is told; what was
        spent meanwhile does not expire."""
        said, now = task.payload, self._clock.now()
        key = AccountKey(task.merchant_id, said["programme_id"], said["member_key"])
        account, last_day = self._ledger.account(key), date.fromisoformat(said["date"])
        connection = self._connections.get(task.connection_id)
        tells = connection is not None and connection.settings.programme == key.programme_id
        if tells and account.expiring(last_day) > 0:
            # Both in one write: the event is told and gone before whoever died here comes again.
            self._tasks.hand_on(task, expiry_event(task.connection_id, account, last_day), now)
        else:
            self._tasks.mark(task, TaskState.DONE, now)
