"""Hand one text over, at most once: noted before the call, looked up when the answer was lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
)
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.metrics import Metric
from concord.domain.outbound import HandedOver, OutboundText
from concord.domain.tasks import Task, TaskState
from concord.domain.texts import render
from concord.ports import Clock, Connections, ConsentStore, Tasks, Telemetry, TextSender
from concord.services.authenticate import Authenticator
from concord.services.consent_tasks import consent_key
from concord.services.defer_tasks import DeferTasks
from concord.services.judge_block import JudgeBlock
from concord.services.reach_platforms import ReachPlatforms

# A call is given up after 10 s; what a platform does not know half a minute later never arrived.
_SETTLED: Final = timedelta(seconds=30)
_ASKED_AGAIN: Final = timedelta(seconds=31)


class SendText:
    """The worker of `send_text` rows.

    No provider takes an idempotency key, so the row says `attempting` before the call. A row that
    is found like that, or whose answer was lost, is `uncertain`: it is looked up, or waits for its
    receipt, and is never blindly sent again.
    """

    def __init__(
        self,
        *,
        tasks: Tasks,
        store: ConsentStore,
        connections: Connections,
        reach: ReachPlatforms,
        defer: DeferTasks,
        judge_block: JudgeBlock,
        authenticator: Authenticator,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._connections = connections
        self._reach = reach
        self._defer = defer
        self._judge_block = judge_block
        self._authenticator = authenticator
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Send, refuse or resolve. Raises RetryableError and CredentialsRejectedError (put off)."""
        connection = self._connections.get(task.connection_id)
        if connection is None:
            self._end(task, TaskState.FAILED, "no_connection")
            return
        in_doubt = task.state in (TaskState.ATTEMPTING, TaskState.UNCERTAIN)
        if not in_doubt and self._too_late(task):
            return
        if self._defer.held(task, connection):
            return
        if in_doubt and (not self._resolved_as_unsent(task, connection) or self._too_late(task)):
            return
        sender = self._reach.sender(connection)
        if sender is None:
            self._end(task, TaskState.FAILED, "no_sender")
            return
        self._hand_over(task, connection, sender)

    def _too_late(self, task: Task) -> bool:
        """End a text whose time is over."""
        limit = str(task.payload.get("not_after") or "")
        late = bool(limit) and self._clock.now() > datetime.fromisoformat(limit)
        if late:
            self._end(task, TaskState.DROPPED, "too_late")
        return late

    def _cleared(self, task: Task, connection: Connection, origin: Origin) -> OutboundText | None:
        """Return the text to hand over, or end the row if the rules say no now (TEA-22).

        Called last, with nothing but the hand-over after it, whatever was queued or looked up
        before: a STOP that was committed by then is not overtaken.
        """
        record = self._store.load(consent_key(task))
        if record is None:
            self._end(task, TaskState.FAILED, "no_consent_key")
            return None
        reason = refusal_to_send(Purpose(str(task.payload["purpose"])), record.marks)
        if reason is not None:
            self._end(task, TaskState.REFUSED, reason)
            return None
        return self._compose(task, connection, record, origin)

    def _compose(
        self, task: Task, connection: Connection, record: ConsentRecord, origin: Origin
    ) -> OutboundText:
        attempted = task.payload.get("attempted_at")
        own = str(task.payload.get("text") or "")
        return OutboundText(
            to=record.point,
            body=own
            or render(
                str(task.payload["purpose"]),
                connection.settings.texts,
                merchant=connection.merchant_name,
                join=connection.settings.join_keyword,
            ),
            reference=task.task_id,
            sends_from=origin.number,
            sends_from_id=origin.number_id,
            receipt_url=self._authenticator.receipt_url(connection),
            attempted_at=datetime.fromisoformat(str(attempted)) if attempted else None,
        )

    def _resolved_as_unsent(self, task: Task, connection: Connection) -> bool:
        """Find out what became of an earlier attempt. True = it never arrived; sending is safe.

        It is looked up where it was attempted. If that account is no longer ours to ask, nobody
        will ever know, and it is not sent through another one.
        """
        origin = _attempted(task, connection)
        sender = self._reach.sender(connection, origin.platform)
        record = self._store.load(consent_key(task))
        if sender is None or record is None:
            self._uncertain(task, "no_sender" if record else "no_consent_key")
            return False
        text = self._compose(task, connection, record, origin)
        try:
            found = sender.find(text)
        except PermanentError:
            self._uncertain(task, "lookup_unsupported")
            return False
        if found is not None:
            self._sent(task, found)
            return False
        if origin.account != connection.account_at(origin.platform):
            self._uncertain(task, "sender_changed")
            return False
        if text.attempted_at and self._clock.now() - text.attempted_at < _SETTLED:
            self._defer.wait(task, _ASKED_AGAIN, "outcome_unknown")
            return False
        return True

    def _hand_over(self, task: Task, connection: Connection, sender: TextSender) -> None:
        now, origin = self._clock.now(), _origin(task, connection)
        details = {"attempted_at": now.isoformat(), **origin.details()}
        if not self._tasks.mark(task, TaskState.ATTEMPTING, now, details, expected=task.state):
            return  # the lease was lost: another worker decides
        try:
            text = self._cleared(task, connection, origin)
            if text is not None:
                self._sent(task, sender.send(text))
        except OutcomeUnknownError:
            # The row goes on saying `attempting`: in doubt, in the due index, and looked up next.
            self._defer.wait(task, _ASKED_AGAIN, "outcome_unknown")
        except OptedOutAtCarrierError as problem:
            if self._judge_block(task, connection):
                self._end(task, TaskState.REFUSED, problem.reason)
        except PermanentError as problem:
            self._telemetry.count(Metric.TASK_FAILED)
            self._end(task, TaskState.REFUSED, problem.reason, problem.detail)
        except (RetryableError, CredentialsRejectedError):
            # Nothing was sent: the row is as good as new, and may be attempted again.
            self._tasks.mark(task, TaskState.OPEN, self._clock.now())
            raise

    def _sent(self, task: Task, handed: HandedOver) -> None:
        self._tasks.mark(task, TaskState.SENT, self._clock.now(), {"message_id": handed.message_id})
        self._telemetry.info("text_sent", purpose=task.payload["purpose"])

    def _end(self, task: Task, state: TaskState, reason: str, words: str = "") -> None:
        self._tasks.mark(task, state, self._clock.now(), {"reason": reason, "words": words})
        self._telemetry.info(
            "text_ended",
            connection_id=task.connection_id,
            task_id=task.task_id,
            state=state.value,
            reason=reason,
        )

    def _uncertain(self, task: Task, reason: str) -> None:
        self._telemetry.count(Metric.SEND_UNCERTAIN)
        self._end(task, TaskState.UNCERTAIN, reason)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text goes out: platform, account, and the number with the platform's id for it."""

    platform: str
    account: str | None
    number: str
    number_id: str

    def details(self) -> dict[str, str]:
        """Return what the row notes of an attempt."""
        return {
            "sent_by": self.platform,
            "sent_account": self.account or "",
            "sent_from": self.number,
            "sent_from_id": self.number_id,
        }


def _origin(task: Task, connection: Connection) -> Origin:
    """Return where to send from: the sender's number, the one she texted, or the first."""
    platform = connection.sender_platform
    account = connection.account_at(platform)
    sender, numbers = connection.settings.sender, dict(connection.text_numbers)
    if sender is not None:
        own = sender.platform == connection.destination.platform
        known = numbers.get(sender.sends_from) if own else None
        return Origin(platform, account, sender.sends_from, known or sender.sends_from)
    reply_from = str(task.payload.get("reply_from") or "")
    if reply_from in numbers:
        return Origin(platform, account, reply_from, numbers[reply_from])
    first = connection.text_numbers[0] if connection.text_numbers else ("", "")
    return Origin(platform, account, *first)


def _attempted(task: Task, connection: Connection) -> Origin:
    """Return where an earlier attempt went out, as its row notes it."""
    noted = task.payload
    if "sent_by" not in noted:
        return _origin(task, connection)
    names = ("sent_by", "sent_account", "sent_from", "sent_from_id")
    return Origin(*(str(noted[name]) for name in names))
