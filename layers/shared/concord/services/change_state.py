"""Move a connection through its life (TEA-01): requested, pending, connected, paused, over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from concord.domain.connection import Connection, ConnectionState, check_transition
from concord.domain.errors import StorageError
from concord.domain.tasks import HORIZON, RowKey, TaskKind
from concord.ports import Clock, Connections, TaskQueue, Tasks, Untold
from concord.services.change_connection import audit_entry, change_connection, find_connection
from concord.services.keep_numbers import KeepNumbers
from concord.services.start_sync import StartSync
from concord.services.tell_peers import tell_task

# What a connection that is not connected holds back.
_HELD: Final = frozenset(
    {
        TaskKind.PUSH_CONSENT,
        TaskKind.SEND_TEXT,
        TaskKind.TELL_PEERS,
        TaskKind.SYNC_SHOPPERS,
        TaskKind.PUSH_CONTACT,
        TaskKind.EMIT_EVENT,
        TaskKind.SYNC_SUBSCRIBER,
        TaskKind.AWAIT_CONFIRMATION,
    }
)
# An operator waits for the answer: beyond this the rows come by themselves when they are due.
_LOOKED_AT: Final = 10_000
_QUEUED: Final = 1_000


class ChangeState:
    """The one way in which an operator changes a connection's state."""

    def __init__(
        self,
        *,
        connections: Connections,
        numbers: KeepNumbers,
        untold: Untold,
        tasks: Tasks,
        queue: TaskQueue,
        start_sync: StartSync,
        activate: Callable[[Connection], None],
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._numbers = numbers
        self._untold = untold
        self._tasks = tasks
        self._queue = queue
        self._start_sync = start_sync
        self._activate = activate
        self._clock = clock

    def __call__(self, connection_id: str, wanted: ConnectionState, actor: str) -> Connection:
        """Make the transition, audited. Raises ConflictError `invalid_transition`.

        Connecting brings the account's numbers first (a platform that is away delays only those):
        while another merchant has one of them, two would send from it and a STOP would reach one
        alone, so it is refused as `number_already_claimed`. Then what was held is queued.
        """
        if wanted is ConnectionState.CONNECTED:
            current = find_connection(self._connections, connection_id)
            check_transition(current.state, wanted)
            self._activate(current)
            self._numbers.fetch_or_queue(current)
            self._tell_what_is_untold(current)
            # Before the change, as above: the read waits for `connected`.
            self._start_sync.on_its_own(current)

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
            self._release(connection_id)
        return connection

    def _tell_what_is_untold(self, connection: Connection) -> None:
        """Insert the task that tells its peers what those of the account's last connection missed.

        Before the change: a crash in between leaves a task that waits for `connected`.
        """
        if next(self._untold.of(connection.merchant_id, connection.account), None) is not None:
            spec = tell_task(connection.connection_id)
            self._tasks.ensure(connection.merchant_id, spec, self._clock.now())

    def _release(self, connection_id: str) -> None:
        """Queue the connection's open rows. Each has a message of its own that comes later."""
        with suppress(StorageError):
            self._queue.send(list(islice(self._held(connection_id), _QUEUED)))

    def _held(self, connection_id: str) -> Iterator[RowKey]:
        for row in islice(self._tasks.due(self._clock.now() + HORIZON), _LOOKED_AT):
            task = self._tasks.identify(row.key)
            if task and task.connection_id == connection_id and task.kind in _HELD:
                yield row.key
