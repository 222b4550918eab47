"""The inbox of raw bodies: look at it, and apply bodies again by id or by time (R-24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError, NotFoundError
from concord.domain.identity import check_merchant_id
from concord.domain.inbox import InboxEntry, InboxState
from concord.domain.jobs import Job
from concord.domain.limits import BODIES_KEPT
from concord.domain.page import Page, read_cursor, write_cursor
from concord.domain.tasks import TaskKind, TaskSpec
from concord.domain.times import to_rfc3339
from concord.ports import Clock, Connections, Inbox, Jobs, Merchants, Tasks
from concord.services.change_connection import find_connection
from concord.services.make_secrets import RandomBytes, new_scoped_id
from concord.services.replay_inbox import ReplayInbox

# A page looks at no more than this many bodies, so that a rare state does not read a month.
_LOOKED_AT: Final = 1_000


class BrowseInbox:
    """Operators' view of the inbox."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        merchants: Merchants,
        connections: Connections,
        replay: ReplayInbox,
        jobs: Jobs,
        tasks: Tasks,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._inbox = inbox
        self._merchants = merchants
        self._connections = connections
        self._replay = replay
        self._jobs = jobs
        self._tasks = tasks
        self._clock = clock
        self._random_bytes = random_bytes

    def list(
        self,
        merchant_id: str,
        *,
        state: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> Page[InboxEntry]:
        """Return a page, oldest first. A page may be short (even empty) and still have a cursor.

        Raises NotFoundError: to a misspelt merchant an empty list would say that nothing failed.
        """
        if self._merchants.get(check_merchant_id(merchant_id)) is None:
            raise NotFoundError("no such merchant")
        first, last = self._within_reach(start, end)
        entries = self._inbox.between(merchant_id, first, last, read_cursor(cursor))
        taken: list[InboxEntry] = []
        try:
            for looked_at, entry in enumerate(islice(entries, _LOOKED_AT), 1):
                if state is None or entry.state == state:
                    taken.append(entry)
                if len(taken) == limit or looked_at == _LOOKED_AT:
                    more = next(entries, None) is not None
                    return Page(tuple(taken), write_cursor(entry.inbox_id) if more else None)
        except ValueError:
            message = "use the cursor of the page before, as it came"
            raise InvalidInputError("bad cursor", errors=(FieldError("cursor", message),)) from None
        return Page(tuple(taken))

    def _within_reach(
        self, start: datetime | None, end: datetime | None
    ) -> tuple[datetime, datetime]:
        """Return the part of a span in which bodies can be: nobody looks for those of last year."""
        now = self._clock.now()
        first, last = now - BODIES_KEPT, now + timedelta(minutes=1)
        return max(start or first, first), min(end or last, last)

    def replay(self, merchant_id: str, inbox_id: str) -> InboxState:
        """Apply one body again; what is done stays done. Returns its new state."""
        try:
            return self._replay.one(check_merchant_id(merchant_id), inbox_id)
        except ValueError:
            raise NotFoundError("no such body; bodies are kept for 30 days") from None

    def replay_between(
        self, merchant_id: str, start: datetime, end: datetime, connection_id: str | None
    ) -> str:
        """Start a job that replays what came in a span of time; returns the job's id."""
        check_merchant_id(merchant_id)
        start, end = self._within_reach(start, end)
        if start >= end:
            message = "must be later than from, and within the 30 days that bodies are kept"
            raise InvalidInputError("an empty span", errors=(FieldError("to", message),))
        if connection_id is not None:
            connection = find_connection(self._connections, connection_id)
            if connection.merchant_id != merchant_id:
                raise NotFoundError("no such connection")
        now = self._clock.now()
        job_id = new_scoped_id(merchant_id, self._random_bytes, length=16)
        self._jobs.put(merchant_id, Job(job_id, TaskKind.REPLAY_INBOX, now))
        spec = TaskSpec(
            TaskKind.REPLAY_INBOX,
            connection_id or "",
            task_id=job_id.rpartition(".")[2],
            payload={
                "from": to_rfc3339(start),
                "to": to_rfc3339(end),
                "connection_id": connection_id,
                "job_id": job_id,
                "cursor": None,
            },
        )
        self._tasks.ensure(merchant_id, spec, now)
        return job_id
