"""Tell of a change, once (ECO-19), and only after the contact's fields show it (ECO-10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.contacts import TrackerEvent, credit_changed, credits_expire, pin_changed
from concord.domain.errors import OutcomeUnknownError
from concord.domain.mails import MailedBy
from concord.domain.metrics import Metric
from concord.domain.shopper import Shopper
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, Shoppers, Tasks, Telemetry
from concord.ports.contacts import Exports
from concord.services.contact_of import ContactOf, place_of
from concord.services.contact_tasks import CREDIT, EXPIRY, push_contact
from concord.services.defer_tasks import DeferTasks
from concord.services.keep_order import KeepOrder
from concord.services.reach_platforms import ReachPlatforms
from concord.services.tell_customers import News, Teller

# Long enough for the push to be done, short enough for a shopper who looks at her inbox.
_FIELDS_FIRST: Final = timedelta(seconds=1)
_PATIENT: Final = 5
# In a row's payload: who tells it, from the first attempt on.
_MAILED_BY: Final = "mailed_by"


class EmitEvent:
    """The worker of `emit_event` rows. Neither the platform nor SES knows ids of ours, so nothing
    is told twice blindly: whose answer was lost is parked for an operator, who may tell it again.

    Who tells it, the platform by its event or we by mail, is written down with the first attempt:
    a switch that is turned between two attempts turns the next events, not this one."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        shoppers: Shoppers,
        contact_of: ContactOf,
        exports: Exports,
        reach: ReachPlatforms,
        tellers: Mapping[MailedBy, Teller],
        order: KeepOrder,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._shoppers = shoppers
        self._contact_of = contact_of
        self._exports = exports
        self._reach = reach
        self._tellers = tellers
        self._order = order
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Tell it, or wait for its fields. Raises the PlatformErrors to put it off."""
        now = self._clock.now()
        if task.state is TaskState.ATTEMPTING:
            self._park(task, "the worker died over it")
            return
        connection = self._connections.get(task.connection_id)
        if connection is None:
            self._tasks.fail(task, "no_connection", "", now)
            return
        if self._defer.held(task, connection):
            return
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        shopper = self._shopper(task, connection)
        event = self._event(task, connection, shopper) if shopper else None
        if peer is None or shopper is None or event is None:
            self._drop(task, "nobody_to_tell")
            return
        export = self._exports.get(task.merchant_id, task.connection_id, shopper.shopper_key)
        if export is None or not export.covers(*_about(task)):
            self._fields_first(task, shopper)
        elif not export.place:
            self._drop(task, "opted_out")
        elif connection.contact_list and export.place != place_of(connection, shopper):
            self._fields_first(task, shopper)  # her address, or the list, is another one by now
        elif event.label == CREDIT and not int(task.payload["points"]):
            self._drop(task, "nothing_to_tell")  # as much came as went: she has what she had
        elif not self._order.waits(task):
            self._tell(task, News(connection, peer, shopper, event))

    def _fields_first(self, task: Task, shopper: Shopper) -> None:
        """Have the contact pushed, and look again; ever more rarely, for it may be refused."""
        spec = push_contact(task.connection_id, shopper.shopper_key)
        self._tasks.ensure(task.merchant_id, spec, self._clock.now())
        if task.attempts <= _PATIENT:
            self._defer.wait(task, _FIELDS_FIRST, "fields_first")
        else:
            self._defer.back_off(task, "fields_first")

    def _drop(self, task: Task, reason: str) -> None:
        # The row goes: what stays of it is this line.
        self._telemetry.info(
            "event_dropped",
            connection_id=task.connection_id,
            label=task.payload["label"],
            reason=reason,
        )
        self._tasks.mark(task, TaskState.DROPPED, self._clock.now(), {"reason": reason})

    def _park(self, task: Task, words: str) -> None:
        """Nobody knows whether it was told: an operator decides whether it is told (again)."""
        self._telemetry.count(Metric.TASK_FAILED)
        self._tasks.fail(task, "outcome_unknown", words, self._clock.now())

    def _shopper(self, task: Task, connection: Connection) -> Shopper | None:
        """Return whom the event is about; None = she is gone, or has no address."""
        name = task.payload.get("shopper_key") or self._contact_of.name(
            connection, str(task.payload["programme"]), str(task.payload["member_key"])
        )
        found = self._shoppers.get(task.merchant_id, task.connection_id, str(name))
        return found if found is not None and found.active and found.emails else None

    def _event(self, task: Task, connection: Connection, shopper: Shopper) -> TrackerEvent | None:
        """Return the event; None = nothing expires any more, or the connection shows another
        programme by now: what its fields say is not what the event would."""
        payload = task.payload
        other = payload.get("programme") != connection.settings.programme
        email = next(iter(shopper.emails.values()))
        if payload["label"] == CREDIT:
            if other:
                return None  # her points are kept elsewhere by now
            return credit_changed(email, int(payload["balance"]), int(payload["points"]))
        if payload["label"] == EXPIRY:
            on = date.fromisoformat(str(payload["on"]))
            account = self._contact_of.account(connection, shopper)
            points = account.expiring(on) if account else 0
            return credits_expire(email, points, on) if points and not other else None
        return pin_changed(email)

    def _tell(self, task: Task, news: News) -> None:
        chosen = task.payload.get(_MAILED_BY) or news.connection.settings.mails
        mailed_by = MailedBy(str(chosen))
        teller, now = self._tellers[mailed_by], self._clock.now()
        if reason := teller.declines(news):
            self._drop(task, reason)
            return
        noted = {_MAILED_BY: mailed_by.value}
        if not self._tasks.mark(task, TaskState.ATTEMPTING, now, noted, expected=TaskState.OPEN):
            return
        # Whoever retries what is parked goes by its payload.
        task = replace(task, payload={**task.payload, **noted})
        try:
            reason = teller.tell(news)
        except OutcomeUnknownError:
            self._park(task, "the answer was lost")
            return
        except Exception:
            # It did not arrive: whatever becomes of the row, it may be told again.
            self._tasks.mark(task, TaskState.OPEN, self._clock.now())
            raise
        if reason:
            self._drop(task, reason)
            return
        self._telemetry.info("event_told", label=news.event.label, mailed_by=mailed_by.value)
        self._tasks.mark(task, TaskState.DONE, self._clock.now())


def _about(task: Task) -> tuple[int, int, str]:
    """Return the version of the shopper, and the seq of her points in which programme ("" = at her
    shop's own loyalty system), that the event is about."""
    payload = task.payload
    seq, programme = int(payload.get("seq", 0)), str(payload.get("programme") or "")
    return int(payload.get("version", 0)), seq, programme
