"""Judge a platform's "opted out": our own block, not lifted yet, or one we did not know."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import VIA_CARRIER
from concord.domain.consent_record import ConsentRecord
from concord.domain.marks import State
from concord.domain.profiles import SignalKind
from concord.domain.tasks import Task, TaskState, push_id
from concord.ports import Clock, ConsentStore, Tasks
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticator
from concord.services.consent_tasks import consent_key
from concord.services.defer_tasks import DeferTasks

_AFTER_PUSH: Final = timedelta(seconds=2)


class JudgeBlock:
    """What to make of a text that was refused because the number is out at the platform (ADR 16).

    A platform that keeps our consent flag and carries our texts as well refuses on our own word.
    Until it was told of an opt-in, its block says nothing of the shopper.
    """

    def __init__(
        self,
        *,
        tasks: Tasks,
        store: ConsentStore,
        defer: DeferTasks,
        apply_signal: ApplySignal,
        authenticator: Authenticator,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._defer = defer
        self._apply_signal = apply_signal
        self._authenticator = authenticator
        self._clock = clock

    def __call__(self, task: Task, connection: Connection) -> bool:
        """Return whether the text is over; False = it was put off until the platform was told.

        An opt-out that we did not know is applied here too (platforms/README, 5).
        """
        record = self._store.load(consent_key(task))
        if record is None:
            return True
        if not connection.keeps_consent(connection.sender_platform):
            self._opt_out(task, connection, record)
            return True
        state, _ = record.marks.standing
        if state is State.OPTED_OUT:
            return True  # it says what we told it; nothing new, least of all an explicit opt-out
        if self._ours(task, connection, record):
            return False
        self._opt_out(task, connection, record)
        return True

    def _ours(self, task: Task, connection: Connection, record: ConsentRecord) -> bool:
        """Put the text off if our own push may lift this block, or may just have lifted it.

        A push whose row is gone may have arrived after the text: that is asked once more, and for
        each state once only.
        """
        name = push_id(connection.sender_platform, record.key.channel, record.key.point_id)
        push = self._tasks.find_push(task.merchant_id, task.connection_id, name)
        if push is None and task.payload.get("blocked_at_version") == record.version:
            return False
        noted = {"blocked_at_version": record.version} if push is None else {}
        if self._tasks.mark(task, TaskState.OPEN, self._clock.now(), noted):
            self._defer.wait(task, _AFTER_PUSH, "blocked_until_pushed")
        return True

    def _opt_out(self, task: Task, connection: Connection, record: ConsentRecord) -> None:
        """The carrier side knows an opt-out that we do not: it is one."""
        self._apply_signal.note(
            connection,
            self._authenticator.with_secrets(connection).secrets.stack_key,
            record,
            kind=SignalKind.OPT_OUT,
            via=VIA_CARRIER,
            event=f"carrier|{task.task_id}",
            text=task.task_id,
        )
