"""What a platform refused for good: look at it, and have it done again once it is mended."""

from __future__ import annotations

from concord.domain.errors import ConflictError, NotFoundError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel
from concord.domain.marks import State
from concord.domain.page import Page, page
from concord.domain.task_rows import ParkedTask
from concord.domain.tasks import TaskKind, TaskSpec
from concord.ports import Clock, Connections, ConsentStore, Tasks, Telemetry
from concord.services.change_connection import find_connection


class RetryTasks:
    """The operators' view of parked tasks, newest first."""

    def __init__(
        self,
        *,
        connections: Connections,
        tasks: Tasks,
        store: ConsentStore,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._connections = connections
        self._tasks = tasks
        self._store = store
        self._clock = clock
        self._telemetry = telemetry

    def list(self, connection_id: str, limit: int, cursor: str | None) -> Page[ParkedTask]:
        """Return a page of what was parked in the last 30 days. Raises NotFoundError."""
        connection = find_connection(self._connections, connection_id)
        parked = self._tasks.parked(connection.merchant_id, connection_id)
        return page(parked, limit, cursor, lambda each: each.key.sk, descending=True)

    def retry(self, connection_id: str, failure_id: str) -> ParkedTask:
        """Queue a parked task again and forget the failure; returns what it was.

        A push tells the state of now, whatever it was when it was refused. Raises NotFoundError,
        and ConflictError `not_repeatable` for a text: none is ever handed over twice.
        """
        connection = find_connection(self._connections, connection_id)
        parked = self._tasks.parked(connection.merchant_id, connection_id)
        found = next((each for each in parked if each.failure_id == failure_id), None)
        if found is None:
            raise NotFoundError("no such failure; it may have been retried, or is over 30 days old")
        if found.kind is TaskKind.SEND_TEXT:
            raise ConflictError("a text is never sent again", code="not_repeatable")
        # The task first: killed in between, the failure still stands and can be retried.
        self._tasks.ensure(found.merchant_id, self._spec(found), self._clock.now())
        self._tasks.unpark(found)
        self._telemetry.info("failure_retried", connection_id=connection_id, reason=found.reason)
        return found

    def _spec(self, parked: ParkedTask) -> TaskSpec:
        spec = TaskSpec(parked.kind, parked.connection_id, parked.task_id, parked.payload)
        if parked.kind is not TaskKind.PUSH_CONSENT:
            return spec
        record = self._store.load(
            ConsentKey(
                parked.merchant_id,
                str(parked.payload["account"]),
                Channel(str(parked.payload["channel"])),
                str(parked.payload["point_id"]),
            )
        )
        return TaskSpec(
            parked.kind,
            parked.connection_id,
            parked.task_id,
            parked.payload,
            want=record.version if record else 0,
            urgent_opt_out=record is not None and record.marks.standing[0] is State.OPTED_OUT,
        )
