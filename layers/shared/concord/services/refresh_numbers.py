"""Fetch an account's text numbers, and look again at a text that came to an unknown one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from concord.domain.connection import Connection
from concord.domain.tasks import Task, TaskState
from concord.ports import AccountFacts, AuditEntry, Clock, Connections, Tasks
from concord.services.reach_platforms import ReachPlatforms
from concord.services.replay_inbox import ReplayInbox


def with_numbers(connection: Connection, facts: AccountFacts) -> Connection:
    """Return the connection with the numbers that a live check brought, oldest first.

    The first number ever seen stays the default of the fallback (TEA-23), whatever comes later.
    """
    first = connection.first_number
    if first is None and facts.text_numbers:
        first = facts.text_numbers[0][0]
    return replace(
        connection,
        text_numbers=facts.text_numbers,
        first_number=first,
        version=connection.version + 1,
    )


class RefreshNumbers:
    """The worker of `fetch_numbers` rows."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        reach: ReachPlatforms,
        replay: ReplayInbox,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._reach = reach
        self._replay = replay
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Fetch, store, replay. Raises RetryableError, CredentialsRejectedError (put off)."""
        connection = self._connections.get(task.connection_id, fresh=True)
        if connection is None:
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
            return
        checker = self._reach.checker(connection, connection.destination.platform)
        if checker is not None:
            facts = checker.check()
            if facts.text_numbers != connection.text_numbers:
                self._store(connection, facts, self._clock.now())
        inbox_id = str(task.payload.get("inbox_id") or "")
        if inbox_id:
            self._replay.one(task.merchant_id, inbox_id)
        self._tasks.mark(task, TaskState.DONE, self._clock.now())

    def _store(self, connection: Connection, facts: AccountFacts, now: datetime) -> None:
        for number, _ in facts.text_numbers:
            self._connections.claim_number(number, connection.connection_id)
        audit = AuditEntry(
            merchant_id=connection.merchant_id,
            connection_id=connection.connection_id,
            at=now,
            actor="concord",
            action="text_numbers",
            details={"count": len(facts.text_numbers)},
        )
        # Lost to another change: that one re-reads, and a later text to a new number asks again.
        self._connections.update(with_numbers(connection, facts), audit)
