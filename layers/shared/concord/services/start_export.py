"""Have all customers exported once, to the list that was chosen (ECO-18)."""

from __future__ import annotations

from concord.domain.connection import Connection, ConnectionState
from concord.domain.contact_export import NO_LIST, run_task
from concord.domain.errors import ConflictError
from concord.domain.jobs import NOT_CONNECTED
from concord.ports import Connections
from concord.services.change_connection import find_connection
from concord.services.start_job import StartJob


class StartExport:
    """Starts exports. One runs per connection: a second start finds the one that does."""

    def __init__(self, connections: Connections, start: StartJob) -> None:
        self._connections = connections
        self._start = start

    def __call__(self, connection_id: str) -> str:
        """Start an export and return the id of its job, or of the one that runs. Safe to repeat.

        Raises NotFoundError, and ConflictError `no_lists`, `no_list`, `connection_not_connected`.
        """
        connection = find_connection(self._connections, connection_id)
        _check(connection)
        return self._start(connection, run_task)


def _check(connection: Connection) -> None:
    if not connection.exports_contacts:
        platform = connection.destination.platform
        raise ConflictError(f"{platform} keeps no contact lists", code="no_lists")
    if connection.state is not ConnectionState.CONNECTED:
        raise ConflictError(f"the connection is {connection.state}", code=NOT_CONNECTED)
    if connection.contact_list is None:
        raise ConflictError("no contact list is chosen: see GET .../lists", code=NO_LIST)
