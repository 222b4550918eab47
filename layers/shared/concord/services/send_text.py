"""Hand one text over, at most once: noted before the call, looked up when the answer was lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import VIA_CARRIER
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
)
from concord.domain.evidence import ConsentKey
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.identity import Channel, receipt_token
from concord.domain.metrics import Metric
from concord.domain.outbound import HandedOver, OutboundText
from concord.domain.profiles import SignalKind
from concord.domain.tasks import Task, TaskState
from concord.domain.texts import render
from concord.ports import Clock, Connections, ConsentStore, Tasks, Telemetry, TextSender
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import RECEIPTS, Authenticator
from concord.services.defer_tasks import DeferTasks
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
        apply_signal: ApplySignal,
        authenticator: Authenticator,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._connections = connections
        self._reach = reach
        self._defer = defer
        self._apply_signal = apply_signal
        self._authenticator = authenticator
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Send, refuse or resolve. Raises RetryableError and CredentialsRejectedError (put off)."""
        connection = self._connections.get(task.connection_id)
        record = self._store.load(_key(task))
        if connection is None or record is None:
            self._end(task, TaskState.FAILED, "no_connection" if record else "no_consent_key")
            return
        in_doubt = task.state in (TaskState.ATTEMPTING, TaskState.UNCERTAIN)
        if not in_doubt and self._refused(task, record):
            return
        if self._defer.held(task, connection):
            return
        sender = self._reach.sender(connection)
        if sender is None:
            self._end(task, TaskState.FAILED, "no_sender")
            return
        text = self._compose(task, connection, record)
        if in_doubt and not self._resolved_as_unsent(task, sender, text):
            return
        if in_doubt and self._refused(task, record):
            return
        self._hand_over(task, connection, sender, text, record)

    def _refused(self, task: Task, record: ConsentRecord) -> bool:
        """End the row if the rules say no now: asked at every hand-over, whatever was queued."""
        limit = str(task.payload.get("not_after") or "")
        if limit and self._clock.now() > datetime.fromisoformat(limit):
            self._end(task, TaskState.DROPPED, "too_late")
            return True
        reason = refusal_to_send(Purpose(str(task.payload["purpose"])), record.marks)
        if reason is not None:
            self._end(task, TaskState.REFUSED, reason)
        return reason is not None

    def _compose(self, task: Task, connection: Connection, record: ConsentRecord) -> OutboundText:
        sends_from, sends_from_id = _origin(connection, str(task.payload.get("reply_from") or ""))
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
            sends_from=sends_from,
            sends_from_id=sends_from_id,
            receipt_url=self._receipt_url(connection),
            attempted_at=datetime.fromisoformat(str(attempted)) if attempted else None,
        )

    def _receipt_url(self, connection: Connection) -> str | None:
        """Return where receipts go, for platforms that are told with each text."""
        if not connection.public_url:
            return None
        secrets = self._authenticator.with_secrets(connection).secrets
        token = receipt_token(secrets.stack_key, connection.connection_id)
        where = f"{connection.sender_platform}/{connection.connection_id}/{token}/{RECEIPTS}"
        return f"{connection.public_url.rstrip('/')}/webhooks/{where}"

    def _resolved_as_unsent(self, task: Task, sender: TextSender, text: OutboundText) -> bool:
        """Find out what became of an earlier attempt. True = it never arrived; sending is safe."""
        try:
            found = sender.find(text)
        except PermanentError:
            self._telemetry.count(Metric.SEND_UNCERTAIN)
            self._end(task, TaskState.UNCERTAIN, "lookup_unsupported")
            return False
        if found is not None:
            self._sent(task, found)
            return False
        if text.attempted_at and self._clock.now() - text.attempted_at < _SETTLED:
            self._defer.wait(task, _ASKED_AGAIN, "outcome_unknown")
            return False
        return True

    def _hand_over(
        self,
        task: Task,
        connection: Connection,
        sender: TextSender,
        text: OutboundText,
        record: ConsentRecord,
    ) -> None:
        now = self._clock.now()
        noted = self._tasks.mark(
            task, TaskState.ATTEMPTING, now, {"attempted_at": now.isoformat()}, expected=task.state
        )
        if not noted:
            return  # the lease was lost: another worker decides
        try:
            handed = sender.send(text)
        except OutcomeUnknownError:
            # The row goes on saying `attempting`: in doubt, in the due index, and looked up next.
            self._defer.wait(task, _ASKED_AGAIN, "outcome_unknown")
        except OptedOutAtCarrierError as problem:
            self._end(task, TaskState.REFUSED, problem.reason)
            self._opt_out_as_carrier_says(task, connection, record)
        except PermanentError as problem:
            self._telemetry.count(Metric.TASK_FAILED)
            self._end(task, TaskState.REFUSED, problem.reason, problem.detail)
        except (RetryableError, CredentialsRejectedError):
            # Nothing was sent: the row is as good as new, and may be attempted again.
            self._tasks.mark(task, TaskState.OPEN, self._clock.now())
            raise
        else:
            self._sent(task, handed)

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

    def _opt_out_as_carrier_says(
        self, task: Task, connection: Connection, record: ConsentRecord
    ) -> None:
        """The carrier side knows an opt-out that we do not: it is one (platforms/README, 5)."""
        self._apply_signal.note(
            connection,
            self._authenticator.with_secrets(connection).secrets.stack_key,
            record,
            kind=SignalKind.OPT_OUT,
            via=VIA_CARRIER,
            event=f"carrier|{task.task_id}",
            text=task.task_id,
        )


def _key(task: Task) -> ConsentKey:
    return ConsentKey(
        task.merchant_id,
        str(task.payload["account"]),
        Channel(str(task.payload["channel"])),
        str(task.payload["point_id"]),
    )


def _origin(connection: Connection, reply_from: str) -> tuple[str, str]:
    """Return the number to send from and its id: the sender's, the one she texted, or the first."""
    sender, numbers = connection.settings.sender, dict(connection.text_numbers)
    if sender is not None:
        own = sender.platform == connection.destination.platform
        known = numbers.get(sender.sends_from) if own else None
        return sender.sends_from, known or sender.sends_from
    if reply_from in numbers:
        return reply_from, numbers[reply_from]
    return connection.text_numbers[0] if connection.text_numbers else ("", "")
