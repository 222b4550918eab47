"""Push a shopper's newest fields to the list: never two at a time, and never an old one last."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from concord.domain.connection import Connection
from concord.domain.contacts import SubscriberStatus
from concord.domain.errors import RetryableError
from concord.domain.marks import State
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task
from concord.ports import Clock, Connections, ConsentStore, ContactPeer, Tasks, Telemetry
from concord.ports.contacts import Exports
from concord.services.consent_tasks import push_task
from concord.services.contact_of import ContactOf, Wanted
from concord.services.contact_tasks import push_contact, sync_subscriber
from concord.services.defer_tasks import DeferTasks
from concord.services.email_opt_out import email_record, opted_out
from concord.services.note_echo import NoteEcho
from concord.services.reach_platforms import ReachPlatforms

_ROUNDS: Final = 10


class PushContact:
    """The worker of `push_contact` rows. The state is read after the row is leased; the row goes
    only if nobody asked for another push meanwhile."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        store: ConsentStore,
        contact_of: ContactOf,
        exports: Exports,
        note_echo: NoteEcho,
        reach: ReachPlatforms,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._store = store
        self._contact_of = contact_of
        self._exports = exports
        self._note_echo = note_echo
        self._reach = reach
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Push until the list shows our newest state. Raises the PlatformErrors to put it off."""
        connection = self._connections.get(task.connection_id)
        if connection is None:
            self._tasks.fail(task, "no_connection", "", self._clock.now())
            return
        if self._defer.held(task, connection):
            return
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        if peer is None or connection.contact_list is None:
            reason = "no_capability" if peer is None else "no_list"
            self._tasks.fail(task, reason, "", self._clock.now())
            return
        for _ in range(_ROUNDS):
            self._push(connection, peer, connection.contact_list, task.task_id)
            finish = self._tasks.finish_push(task, task.want)
            if finish is Finish.DONE:
                return
            if finish is Finish.LOST or not self._tasks.extend(task, self._clock.now()):
                # Our lease ran out while we called: what we wrote may have arrived after newer
                # fields, and stands in the export row now. Somebody has to look once more.
                spec = push_contact(task.connection_id, task.task_id)
                self._tasks.ensure(task.merchant_id, spec, self._clock.now())
                return
        self._defer.back_off(task, "state_keeps_changing")

    def _push(
        self, connection: Connection, peer: ContactPeer, list_id: str, shopper_key: str
    ) -> None:
        """Write what is true now and see it there; an unchanged contact costs no call."""
        wanted = self._contact_of(connection, shopper_key)
        if wanted is None:
            return
        known = self._exports.get(connection.merchant_id, connection.connection_id, shopper_key)
        export = wanted.export
        if known is None or known.digest != export.digest:
            new = known is None or known.place != export.place
            if not self._write(connection, peer, list_id, wanted, new=new):
                export = replace(export, digest="", place="")
        if known != export and not self._exports.put(export, known):
            # An export of all may have written what she was before, after us: write her once more.
            raise RetryableError("this contact was written by somebody else meanwhile")

    def _write(
        self, connection: Connection, peer: ContactPeer, list_id: str, wanted: Wanted, *, new: bool
    ) -> bool:
        """Write a contact and see it there; False = she opted out and is not in the list, so she is
        not added. `new` = this address has not been written to this list before."""
        contact = wanted.contact
        there = not new or peer.subscriber(list_id, contact.email) is not None
        # Whoever is there is changed and not subscribed: that fires no webhook back at us.
        changed = there and peer.update(list_id, contact)
        if not changed:
            if opted_out(self._store, connection, wanted.point_id):
                return False
            self._note_ours(connection, wanted)
            peer.upsert(list_id, contact)
        shown = peer.subscriber(list_id, contact.email)
        if shown is not None and shown.status is SubscriberStatus.SUBSCRIBED:
            self._take_off(connection, wanted, ours=not changed)
        if shown is None or not shown.shows(contact.fields):
            raise RetryableError("the list does not show the fields yet")
        self._telemetry.info("contact_pushed", platform=connection.destination.platform)
        return True

    def _note_ours(self, connection: Connection, wanted: Wanted) -> None:
        """Note that she is subscribed by us, once it is known that she did not sign up herself."""
        waiting = self._tasks.find(
            connection.merchant_id, sync_subscriber(connection.connection_id, wanted.point_id)
        )
        if waiting is not None and waiting.payload.get("heard"):
            raise RetryableError("what a webhook told of this address is looked at first")
        self._note_echo.adds(connection, wanted.point_id)

    def _take_off(self, connection: Connection, wanted: Wanted, *, ours: bool) -> None:
        """Have who opted out taken off the list.

        `ours`: our write may have come after the list was told, and then it was us who subscribed
        her. Otherwise she may have done so herself, and the webhook is on its way: a look decides.
        """
        record = email_record(self._store, connection, wanted.point_id)
        if record is None or record.marks.standing[0] is not State.OPTED_OUT:
            return
        platform = connection.destination.platform
        spec = sync_subscriber(connection.connection_id, wanted.point_id)
        if ours:
            spec = push_task(connection, platform, record.key, record.version, State.OPTED_OUT)
        self._tasks.ensure(connection.merchant_id, spec, self._clock.now())
