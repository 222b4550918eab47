"""Tell a connection that points of a member expire soon (ECO-15)."""

from __future__ import annotations

from datetime import date

from concord.domain.points.account import AccountKey
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Tasks, Telemetry
from concord.ports.points import Ledger


class NotifyExpiry:
    """The worker of `notify_expiry` tasks."""

    def __init__(self, ledger: Ledger, tasks: Tasks, clock: Clock, telemetry: Telemetry) -> None:
        self._ledger = ledger
        self._tasks = tasks
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Read the account once more: what was spent meanwhile does not expire. No platform takes
        a notice yet, so there is nobody to tell, and the log says what would have been told."""
        said = task.payload
        key = AccountKey(task.merchant_id, said["programme_id"], said["member_key"])
        account, last_day = self._ledger.account(key), date.fromisoformat(said["date"])
        if account.expiring(last_day) > 0:
            self._telemetry.info(
                "expiry_untold",
                connection_id=task.connection_id,
                programme_id=key.programme_id,
                last_day=said["date"],
            )
        self._tasks.mark(task, TaskState.DONE, self._clock.now())
