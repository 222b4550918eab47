"""Move a connection through its life (TEA-01): requested, pending, connected, paused, over."""

from __future__ import annotations

from dataclasses import replace

from concord.domain.connection import Connection, ConnectionState, check_transition
from concord.ports import Clock, Connections
from concord.services.admin_scope import audit_entry, change_connection
from concord.services.keep_numbers import KeepNumbers


class ChangeState:
    """The one way in which an operator changes a connection's state."""

    def __init__(self, connections: Connections, numbers: KeepNumbers, clock: Clock) -> None:
        self._connections = connections
        self._numbers = numbers
        self._clock = clock

    def __call__(self, connection_id: str, wanted: ConnectionState, actor: str) -> Connection:
        """Make the transition, audited. Raises ConflictError `invalid_transition`.

        Connecting brings the account's numbers; a platform that is away delays only those.
        """

        def moved(connection: Connection) -> Connection:
            check_transition(connection.state, wanted)
            return replace(connection, state=wanted)

        connection = change_connection(
            self._connections,
            connection_id,
            moved,
            lambda before, after: audit_entry(
                after,
                self._clock.now(),
                actor,
                "state_changed",
                {"from": before.state.value, "to": after.state.value},
            ),
        )
        if wanted is ConnectionState.CONNECTED:
            return self._numbers.fetch_or_queue(connection)
        return connection
