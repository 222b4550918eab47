"""Run one outbox task: take its row, do what it says, give it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from concord.domain.errors import (
    ConflictError,
    CredentialsRejectedError,
    NotFoundError,
    PermanentError,
    RetryableError,
    ThrottledError,
)
from concord.domain.metrics import Metric
from concord.domain.task_rows import Lease
from concord.domain.tasks import RowKey, Task, TaskKind, TaskState
from concord.ports import Clock, Tasks, Telemetry
from concord.services.defer_tasks import DeferTasks

_FINAL = frozenset(
    {TaskState.SENT, TaskState.REFUSED, TaskState.DROPPED, TaskState.FAILED, TaskState.DONE}
)


class TaskHandler(Protocol):
    """Does one kind of task, with the row under its lease."""

    def __call__(self, task: Task) -> None: ...


class RunTask:
    """What a queue message causes. Returning = the message may go; raising = it comes again."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        defer: DeferTasks,
        handlers: Mapping[TaskKind, Callable[[], TaskHandler]],
        lapse: Callable[[RowKey], None],
        restore: Callable[[RowKey], None],
        clock: Clock,
        telemetry: Telemetry,
        new_owner: Callable[[], str],
    ) -> None:
        self._tasks = tasks
        self._defer = defer
        self._handlers = handlers
        self._lapse = lapse
        self._restore = restore
        self._clock = clock
        self._telemetry = telemetry
        self._new_owner = new_owner

    def __call__(self, key: RowKey, receive_count: int) -> None:
        """Run the task at `key`. A row that somebody else holds is his; a row that is gone is done.

        Except when this message was received before: then an earlier worker may have died in the
        middle of a call, after another one had finished, and its late call may have been the last
        to arrive. The state is pushed once more (`restore`); pushing is idempotent.
        """
        if self._tasks.identify(key) is None:
            self._lapse(key)
            return
        taken = self._tasks.lease(key, self._new_owner(), self._clock.now())
        if taken is Lease.GONE and receive_count > 1:
            self._restore(key)
            return
        if not isinstance(taken, Task):
            return
        if taken.state in _FINAL:
            # A receipt ended it while a worker without an answer put it off: it leaves the index.
            self._tasks.mark(taken, taken.state, self._clock.now())
            return
        self._run(taken)

    def _run(self, task: Task) -> None:
        """Run under the lease; what a platform may do to us is turned into a later try."""
        try:
            self._handlers[task.kind]()(task)
        except ThrottledError as problem:
            self._defer.back_off(task, problem.code, problem.retry_after)
        except RetryableError as problem:
            self._defer.back_off(task, problem.code)
        except CredentialsRejectedError:
            self._defer.pause(task)
        except (PermanentError, ConflictError, NotFoundError) as problem:
            # Refused before it came to a call (a host that is no longer allowed, a number of
            # somebody else): again would be the same, for ever. It is parked for an operator.
            self._telemetry.count(Metric.TASK_FAILED)
            reason = getattr(problem, "reason", problem.code)
            self._tasks.fail(task, reason, problem.detail, self._clock.now())
