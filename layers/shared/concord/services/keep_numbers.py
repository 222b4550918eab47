"""Know an account's text numbers as soon as it is connected (TEA-23)."""

from __future__ import annotations

from dataclasses import replace

from concord.domain.connection import Connection
from concord.domain.errors import ConflictError, PlatformError, StorageError
from concord.domain.tasks import TaskKind, TaskSpec
from concord.ports import AccountFacts, Clock, Connections, Tasks
from concord.services.admin_scope import audit_entry, change_connection, find_connection
from concord.services.reach_platforms import ReachPlatforms
from concord.services.refresh_numbers import with_numbers


class KeepNumbers:
    """Asks the destination for its numbers and keeps them on the connection."""

    def __init__(
        self, *, connections: Connections, reach: ReachPlatforms, tasks: Tasks, clock: Clock
    ) -> None:
        self._connections = connections
        self._reach = reach
        self._tasks = tasks
        self._clock = clock

    def fetch_or_queue(self, connection: Connection) -> Connection:
        """Ask now; if the platform cannot say, a task asks again until it can."""
        try:
            checker = self._reach.checker(connection, connection.destination.platform)
            facts = checker.check() if checker else AccountFacts()
        except (PlatformError, StorageError):
            spec = TaskSpec(
                TaskKind.FETCH_NUMBERS, connection.connection_id, task_id="fetch_numbers"
            )
            self._tasks.ensure(connection.merchant_id, spec, self._clock.now())
            facts = AccountFacts()
        try:
            return self.store(connection, facts)
        except ConflictError:
            # The state has changed already, and stays: `check` tells the operator of the number.
            return find_connection(self._connections, connection.connection_id)

    def store(self, connection: Connection, facts: AccountFacts) -> Connection:
        """Keep what the platform said, and point its numbers and the sender's to this connection.

        An answer without numbers is no reason to forget those that we know. Raises ConflictError
        `number_already_claimed` when a live connection of another merchant has one of them.
        """
        if facts.text_numbers:
            connection = self._with_numbers(connection, facts)
        for number in _own_numbers(connection):
            self._connections.claim_number(number, connection.connection_id)
        return connection

    def _with_numbers(self, connection: Connection, facts: AccountFacts) -> Connection:
        return change_connection(
            self._connections,
            connection.connection_id,
            lambda c: replace(with_numbers(c, facts), version=c.version),
            lambda _, after: audit_entry(
                after,
                self._clock.now(),
                "concord",
                "text_numbers",
                {"count": len(after.text_numbers)},
            ),
        )


def _own_numbers(connection: Connection) -> list[str]:
    sender = connection.settings.sender
    numbers = [number for number, _ in connection.text_numbers]
    if sender is not None and sender.sends_from.startswith("+"):
        numbers.append(sender.sends_from)
    return numbers
