"""Look now and then whether a newsletter sign-up was confirmed, for nobody tells of that."""

from __future__ import annotations

from concord.domain.sign_ups import CONFIRMATION_LOOKS, next_look
from concord.domain.tasks import Task, TaskState
from concord.domain.times import from_rfc3339
from concord.ports import Clock, Connections, Tasks
from concord.ports.contacts import Subscriptions
from concord.services.contact_tasks import sync_subscriber
from concord.services.defer_tasks import DeferTasks


class AwaitConfirmation:
    """The worker of `await_confirmation` rows: it only asks for looks, at growing intervals, and
    ends with the last one, or once the registration is no longer waited for."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        subscriptions: Subscriptions,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._subscriptions = subscriptions
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Ask for the look that is due, and wait for the next."""
        connection = self._connections.get(task.connection_id)
        if connection is None or connection.contact_list is None:
            self._end(task)
            return
        if self._defer.held(task, connection):
            return
        point_id, asked_at = str(task.payload["point_id"]), from_rfc3339(task.payload["asked"])
        where = (task.merchant_id, task.connection_id, connection.contact_list)
        if self._subscriptions.get(*where, point_id).asked_at != asked_at:
            self._end(task)
            return
        now = self._clock.now()
        if now >= asked_at + CONFIRMATION_LOOKS[0]:
            spec = sync_subscriber(task.connection_id, point_id)
            self._tasks.ensure(task.merchant_id, spec, now)
        at = next_look(asked_at, now)
        if at is None:
            self._end(task)
        else:
            self._defer.until(task, at, "unconfirmed")

    def _end(self, task: Task) -> None:
        self._tasks.mark(task, TaskState.DONE, self._clock.now())
