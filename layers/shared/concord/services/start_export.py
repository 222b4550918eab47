"""Have all customers exported once, to the list that was chosen (ECO-18)."""

from __future__ import annotations

from concord.domain.connection import Connection, ConnectionState
from concord.domain.contact_export import NO_LIST, run_task
from concord.domain.errors import ConflictError
from concord.domain.jobs import Job
from concord.domain.sync import NOT_CONNECTED
from concord.domain.tasks import TaskKind
from concord.ports import Clock, Connections, Jobs, Tasks
from concord.services.change_connection import find_connection
from concord.services.make_secrets import RandomBytes, new_scoped_id


class StartExport:
    """Starts exports. One runs per connection: a second start finds the one that does."""

    def __init__(
        self,
        *,
        connections: Connections,
        tasks: Tasks,
        jobs: Jobs,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._connections = connections
        self._tasks = tasks
        self._jobs = jobs
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(self, connection_id: str) -> str:
        """Start an export and return the id of its job, or of the one that runs. Safe to repeat.

        The job first, the task second: whoever dies in between leaves a job that nobody was told
        of, and that goes after 30 days. Raises NotFoundError, and ConflictError `no_lists`,
        `no_list`, `connection_not_connected`.
        """
        connection = find_connection(self._connections, connection_id)
        _check(connection)
        running = self._running(connection)
        if running:
            return running
        merchant_id = connection.merchant_id
        job_id = new_scoped_id(merchant_id, self._random_bytes, length=16)
        now = self._clock.now()
        self._jobs.put(merchant_id, Job(job_id, TaskKind.EXPORT_CONTACTS, now))
        self._tasks.ensure(merchant_id, run_task(connection_id, job_id), now)
        # Somebody else may have been first: the row says whose job it is.
        return self._running(connection) or job_id

    def _running(self, connection: Connection) -> str:
        row = self._tasks.find(connection.merchant_id, run_task(connection.connection_id))
        return str(row.payload["job_id"]) if row else ""


def _check(connection: Connection) -> None:
    if not connection.exports_contacts:
        platform = connection.destination.platform
        raise ConflictError(f"{platform} keeps no contact lists", code="no_lists")
    if connection.state is not ConnectionState.CONNECTED:
        raise ConflictError(f"the connection is {connection.state}", code=NOT_CONNECTED)
    if connection.contact_list is None:
        raise ConflictError("no contact list is chosen: see GET .../lists", code=NO_LIST)
