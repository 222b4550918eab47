"""Know an account's text numbers as soon as it is connected (TEA-23), and whose each number is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from concord.domain.connection import Connection
from concord.domain.errors import ConflictError, PlatformError, StorageError
from concord.domain.outbound import AccountFacts
from concord.domain.tasks import TaskKind, TaskSpec
from concord.ports import Clock, Connections, Tasks
from concord.services.change_connection import audit_entry, change_connection
from concord.services.reach_platforms import ReachPlatforms


class KeepNumbers:
    """Asks the destination for its numbers and keeps them on the connection."""

    def __init__(
        self, *, connections: Connections, reach: ReachPlatforms, tasks: Tasks, clock: Clock
    ) -> None:
        self._connections = connections
        self._reach = reach
        self._tasks = tasks
        self._clock = clock

    def fetch(self, connection: Connection) -> Connection:
        """Ask now and store. Raises the PlatformErrors, and as `store`."""
        return self.store(connection, self._ask(connection))

    def fetch_or_queue(self, connection: Connection) -> Connection:
        """Ask now; if the platform cannot say, a task asks again until it can. Raises as `store`:
        what is known is claimed either way."""
        try:
            facts = self._ask(connection)
        except (PlatformError, StorageError):
            spec = TaskSpec(
                TaskKind.FETCH_NUMBERS, connection.connection_id, task_id="fetch_numbers"
            )
            self._tasks.ensure(connection.merchant_id, spec, self._clock.now())
            facts = AccountFacts()
        return self.store(connection, facts)

    def store(self, connection: Connection, facts: AccountFacts) -> Connection:
        """Keep what the platform said, and point its numbers and the sender's to this connection.

        An answer without numbers is no reason to forget those that we know. Raises ConflictError
        `number_already_claimed` when a live connection of another merchant has one of them.
        """
        if facts.text_numbers:
            connection = self._with_numbers(connection, facts)
        known = [number for number, _ in connection.text_numbers]
        claim_numbers(self._connections, connection, known)
        return connection

    def _ask(self, connection: Connection) -> AccountFacts:
        checker = self._reach.checker(connection, connection.destination.platform)
        return checker.check() if checker else AccountFacts()

    def _with_numbers(self, connection: Connection, facts: AccountFacts) -> Connection:
        return change_connection(
            self._connections,
            connection.connection_id,
            lambda c: _with_numbers(c, facts),
            lambda _, after: audit_entry(
                after,
                self._clock.now(),
                "concord",
                "text_numbers",
                {"count": len(after.text_numbers)},
            ),
        )


def claim_numbers(
    connections: Connections, connection: Connection, text_numbers: Iterable[str] = ()
) -> None:
    """Point these numbers and the sender's own to the connection: a text without a path, and a STOP
    to a number that two merchants send from, would otherwise reach the wrong one or nobody.

    All are tried before the ConflictError `number_already_claimed` of the first is raised.
    """
    refusal: ConflictError | None = None
    sender = connection.settings.sender
    own = sender.own_numbers if sender else ()
    for number in (*text_numbers, *own):
        try:
            connections.claim_number(number, connection.connection_id)
        except ConflictError as conflict:
            refusal = refusal or conflict
    if refusal is not None:
        raise refusal


def _with_numbers(connection: Connection, facts: AccountFacts) -> Connection:
    """Return the connection with the numbers that a live check brought, oldest first.

    The first number ever seen stays the default of the fallback (TEA-23), whatever comes later.
    """
    first = connection.first_number or facts.text_numbers[0][0]
    return replace(connection, text_numbers=facts.text_numbers, first_number=first)
