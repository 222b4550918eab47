"""Look whether an address is subscribed, and let consent and the newsletter reward follow.

A list webhook has no signature, no id and no time. So it only causes a look: what counts is what
the list shows now against what we knew last (rules.md, Storage). However often and in whatever
order webhooks come, they come to the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import VIA_PLATFORM, Signal
from concord.domain.consent_record import ConsentRecord
from concord.domain.contacts import Subscriber, SubscriberStatus
from concord.domain.errors import StorageUnavailableError
from concord.domain.evidence import ConsentKey
from concord.domain.exports import Subscription
from concord.domain.identity import Channel, event_key
from concord.domain.inbox import Marker
from concord.domain.marks import State
from concord.domain.profiles import SignalKind
from concord.domain.sign_ups import Look, next_look, noticed
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task, push_id
from concord.domain.times import from_rfc3339
from concord.ports import Clock, Connections, ConsentStore, Tasks
from concord.ports.contacts import Subscriptions
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.authenticate import Authenticator
from concord.services.consent_tasks import push_task
from concord.services.contact_tasks import await_confirmation
from concord.services.defer_tasks import DeferTasks
from concord.services.reach_platforms import ReachPlatforms
from concord.services.reward_newsletter import RewardNewsletter

_A_MOMENT: Final = timedelta(seconds=2)
# How long, four times, a webhook is waited for of who stands in the list though she opted out.
_FOR_A_WEBHOOK: Final = timedelta(seconds=30)
_PATIENT: Final = 5
_ATTEMPTS: Final = 5
_GONE: Final = frozenset({SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.COMPLAINED})


class SyncSubscriber:
    """The worker of `sync_subscriber` rows."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        store: ConsentStore,
        subscriptions: Subscriptions,
        reach: ReachPlatforms,
        apply_signal: ApplySignal,
        authenticator: Authenticator,
        reward: RewardNewsletter,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._store = store
        self._subscriptions = subscriptions
        self._reach = reach
        self._apply_signal = apply_signal
        self._authenticator = authenticator
        self._reward = reward
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Look once, and again if somebody asked meanwhile. Raises the PlatformErrors."""
        connection = self._connections.get(task.connection_id)
        if connection is None or connection.contact_list is None:
            reason = "no_list" if connection else "no_connection"
            self._tasks.fail(task, reason, "", self._clock.now())
            return
        if self._defer.held(task, connection):
            return
        key = ConsentKey(task.merchant_id, connection.account, Channel.EMAIL, task.task_id)
        record = self._store.load(key)
        if record is None:
            self._nobody(task)
        else:
            self._until_nobody_asks(task, connection, connection.contact_list, key)

    def _until_nobody_asks(
        self, task: Task, connection: Connection, list_id: str, key: ConsentKey
    ) -> None:
        heard_at = _heard_at(task)
        for _ in range(_ATTEMPTS):
            # Before anything is read: an opt-out that comes from now on is newer than this look.
            looked_at = self._clock.now()
            if self._telling(task, connection, key):
                self._defer.wait(task, _A_MOMENT, "push_first")
                return
            record = self._store.load(key)
            if record is not None:
                waits = task.attempts < _PATIENT
                if self._look(connection, list_id, record, looked_at, heard_at, waits=waits):
                    self._defer.wait(task, _FOR_A_WEBHOOK, "webhook_first")
                    return
            if self._tasks.finish_push(task, task.want) is not Finish.NEWER:
                return
            if not self._tasks.extend(task, self._clock.now()):
                return
            asked = self._tasks.get(task.key)  # it may be a webhook that asked this time
            heard_at = _heard_at(asked) if asked is not None else None
        self._defer.back_off(task, "asked_again_and_again")

    def _nobody(self, task: Task) -> None:
        """Whoever heard the webhook ensures this row before he stores the address."""
        if task.payload.get("heard") and task.attempts < _PATIENT:
            self._defer.wait(task, _A_MOMENT, "not_stored_yet")
        else:
            # Whoever asked meanwhile may have stored it since.
            if self._tasks.finish_push(task, task.want) is Finish.NEWER:
                self._defer.wait(task, _A_MOMENT, "not_stored_yet")

    def _telling(self, task: Task, connection: Connection, key: ConsentKey) -> bool:
        """Whether the list has still to be told of our own newest word: what it shows is older."""
        name = push_id(connection.destination.platform, Channel.EMAIL, key.point_id)
        return self._tasks.find_push(task.merchant_id, task.connection_id, name) is not None

    def _look(
        self,
        connection: Connection,
        list_id: str,
        record: ConsentRecord,
        looked_at: datetime,
        heard_at: datetime | None,
        *,
        waits: bool,
    ) -> bool:
        """Let follow what the list shows. `heard_at` = when a webhook told of this address.

        `waits`: who stands there though she opted out, and of whom no webhook has told since, may
        have signed up a moment ago. Returns whether to look again before the list is told of it.
        """
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        found = peer.subscriber(list_id, record.point) if peer is not None else None
        if found is None:
            return False
        state, _ = record.marks.standing
        look = _look_of(found, record, heard_at)
        # First, so that a repeat after a crash still knows whose sign-up it was.
        noted = self._noted(record.key, connection, list_id, look)
        self._look_again(connection, noted)
        if noted.signed_at is not None and state is not State.OPTED_IN:
            # It counts from when we heard of it: an opt-out that came after that stands. Named by
            # its number: one sign-up lifts one opt-out, never a later one.
            at, name = noted.signed_at, f"{noted.changes}"
            state = self._signal(connection, record, SignalKind.OPT_IN, at, looked_at, name).state
        waits = waits and not look.heard_since_out
        if found.status in _GONE and state is not State.OPTED_OUT:
            at, name = looked_at, looked_at.isoformat()
            self._signal(connection, record, SignalKind.OPT_OUT, at, looked_at, name)
        elif look.subscribed and state is State.OPTED_OUT and not waits:
            self._tell(connection, record)
        self._reward(connection, noted)
        return waits and look.subscribed and state is State.OPTED_OUT

    def _look_again(self, connection: Connection, noted: Subscription) -> None:
        """Have it looked whether she confirmed what she asked for: no webhook tells of that."""
        if noted.asked_at is not None and next_look(noted.asked_at, self._clock.now()) is not None:
            spec = await_confirmation(connection.connection_id, noted.point_id, noted.asked_at)
            self._tasks.ensure(connection.merchant_id, spec, self._clock.now())

    def _tell(self, connection: Connection, record: ConsentRecord) -> None:
        """Have the list told of an opt-out that it does not show: not she put herself there."""
        platform = connection.destination.platform
        spec = push_task(connection, platform, record.key, record.version, State.OPTED_OUT)
        self._tasks.ensure(connection.merchant_id, spec, self._clock.now())

    def _noted(
        self, key: ConsentKey, connection: Connection, list_id: str, look: Look
    ) -> Subscription:
        """Return what we know now; a change that is not ours is counted, and its reward is due."""
        where = (key.merchant_id, connection.connection_id, list_id, key.point_id)
        for _ in range(_ATTEMPTS):
            known = self._subscriptions.get(*where)
            changed = noticed(known, look)
            if changed == known:
                return known
            changed = replace(changed, version=known.version + 1)
            if self._subscriptions.save(changed):
                return changed
        raise StorageUnavailableError("this subscription kept changing")

    def _signal(
        self,
        connection: Connection,
        record: ConsentRecord,
        kind: SignalKind,
        at: datetime,
        looked_at: datetime,
        name: str,
    ) -> Applied:
        """Apply what the list showed at `looked_at` of something that she did at `at`; seen by
        ourselves, so as good as signed. `name` tells it from other looks."""
        return self._apply_signal(
            connection=connection,
            stack_key=self._authenticator.with_secrets(connection).secrets.stack_key,
            channel=Channel.EMAIL,
            point=record.point,
            signal=Signal(
                kind=kind,
                effective_at=at,
                received_at=looked_at,
                via=VIA_PLATFORM,
                source={
                    "platform": connection.destination.platform,
                    "connection_id": connection.connection_id,
                    "list_id": connection.contact_list or "",
                },
            ),
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(
                    f"subscriber|{connection.contact_list}|{record.key.point_id}|{name}"
                ),
                body_hash="",
            ),
        )


def _heard_at(task: Task) -> datetime | None:
    """Return when a webhook told of this address; None = something else makes us look."""
    heard = task.payload.get("heard")
    return from_rfc3339(heard) if heard else None


def _look_of(found: Subscriber, record: ConsentRecord, heard_at: datetime | None) -> Look:
    state, _ = record.marks.standing
    return Look(
        status=found.status,
        subscribed_at=found.subscribed_at,
        heard_at=heard_at,
        opted_in=state is State.OPTED_IN,
        out_at=record.marks.out_at or record.updated_at if state is State.OPTED_OUT else None,
    )
