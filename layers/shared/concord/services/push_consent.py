"""Push the state of one point to one platform: never two at a time, and never an old one last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import PermanentError
from concord.domain.evidence import ConsentKey
from concord.domain.marks import Marks, State
from concord.domain.metrics import Metric
from concord.domain.outbound import ConsentPush
from concord.domain.review import Review, ReviewKind
from concord.domain.shopper import Carriers
from concord.domain.task_rows import Finish
from concord.domain.tasks import RowKey, Task, TaskKind, TaskSpec, TaskState, read_push_id
from concord.ports import (
    Clock,
    Connections,
    ConsentPeer,
    ConsentStore,
    Reviews,
    Shoppers,
    Tasks,
    Telemetry,
)
from concord.services.consent_tasks import consent_key, push_task
from concord.services.defer_tasks import DeferTasks
from concord.services.note_echo import NoteEcho
from concord.services.reach_platforms import ReachPlatforms

_ROUNDS: Final = 10
_A_MOMENT: Final = timedelta(seconds=0.5)


class PushConsent:
    """The worker of `push_consent` rows.

    The row is leased first and the state read after that, so no other worker can be pushing an
    older state meanwhile. The row is given back as done only if the version it wants is the one
    that was pushed; otherwise the newer state is pushed before letting go.
    """

    def __init__(
        self,
        *,
        tasks: Tasks,
        store: ConsentStore,
        connections: Connections,
        shoppers: Shoppers,
        reviews: Reviews,
        reach: ReachPlatforms,
        note_echo: NoteEcho,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._connections = connections
        self._shoppers = shoppers
        self._reviews = reviews
        self._reach = reach
        self._note_echo = note_echo
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Push until the peer shows our newest state. Raises the PlatformErrors to put it off."""
        connection = self._connections.get(task.connection_id)
        if connection is None:
            self._tasks.fail(task, "no_connection", "", self._clock.now())
            return
        if self._defer.held(task, connection) or self._waits_for_text(task):
            return
        peer = self._reach.consent_peer(connection, str(task.payload["platform"]))
        if peer is None:
            self._tasks.fail(task, "no_capability", "", self._clock.now())
            return
        for number in range(_ROUNDS):
            version = self._push_once(task, connection, peer, number)
            if version is None:
                return
            finish = self._tasks.finish_push(task, version)
            if finish is Finish.DONE:
                self._telemetry.info("consent_pushed", platform=task.payload["platform"])
                return
            if finish is Finish.LOST:
                # Our lease ran out while we called: what we pushed may have arrived after a newer
                # state. A new row makes somebody push the newest once more.
                self._ensure(task, version)
                return
            if not self._tasks.extend(task, self._clock.now()):
                self._ensure(task, version)
                return
        self._defer.back_off(task, "state_keeps_changing")

    def restore(self, row: RowKey) -> None:
        """Insert a push again whose row is gone; the key names all that a push needs to know."""
        ref = self._tasks.identify(row)
        if ref is None or ref.kind is not TaskKind.PUSH_CONSENT:
            return
        connection = self._connections.get(ref.connection_id)
        if connection is None:
            return
        platform, channel, point = read_push_id(ref.task_id)
        key = ConsentKey(ref.merchant_id, connection.account, channel, point)
        spec = push_task(connection, platform, key, 0, State.UNKNOWN)
        self._tasks.ensure(ref.merchant_id, spec, self._clock.now())

    def _waits_for_text(self, task: Task) -> bool:
        """Put the push of an opt-out off, by seconds, while its confirmation is on its way.

        A platform that carries our texts may take none for a number that it was told is out. The
        push waits no longer than `after_until`, whatever becomes of the text (ADR 16).
        """
        text_id, until = task.payload.get("after_text"), task.payload.get("after_until")
        if not text_id or self._clock.now() >= datetime.fromisoformat(str(until)):
            return False
        text = self._tasks.find_text(task.merchant_id, task.connection_id, str(text_id))
        if text is None or text.state not in (TaskState.OPEN, TaskState.ATTEMPTING):
            return False
        self._defer.wait(task, _A_MOMENT, "confirmation_first")
        return True

    def _ensure(self, task: Task, version: int) -> None:
        spec = TaskSpec(
            TaskKind.PUSH_CONSENT, task.connection_id, task.task_id, task.payload, want=version
        )
        self._tasks.ensure(task.merchant_id, spec, self._clock.now())

    def _push_once(
        self, task: Task, connection: Connection, peer: ConsentPeer, number: int
    ) -> int | None:
        """Push what is true now; return the version that was pushed, None if the row was parked."""
        key = consent_key(task)
        record = self._store.load(key)
        if record is None or not _worth_telling(record.marks):
            return record.version if record else task.want
        to_shop = task.payload["platform"] == connection.source.platform
        carriers = (  # shoppers are the shop's: nobody else is told of them
            self._shoppers.carrying(task.merchant_id, task.connection_id, key.point_id)
            if to_shop
            else Carriers()
        )
        push = _as_push(task, record, carriers, number)
        if push.opted_in and not to_shop and connection.exports_contacts:
            self._note_echo.may_fire(connection, key.point_id)
        try:
            matched = peer.set_consent(push)
        except PermanentError as problem:
            self._telemetry.count(Metric.TASK_FAILED)
            self._tasks.fail(task, problem.reason, problem.detail, self._clock.now())
            return None
        if to_shop:
            # That a shop has nothing more of those who left it is nothing to look at.
            matched = matched or bool(carriers.left)
            self._remember_match(task, record, matched=matched, waits=carriers.unmatched)
        elif not matched and record.marks.standing[0] is State.OPTED_OUT:
            # She gets no text from us, but whoever adds her there later finds no opt-out.
            self._telemetry.count(Metric.OPT_OUT_UNMATCHED)
            self._telemetry.info("opt_out_unmatched", platform=task.payload["platform"])
        return record.version

    def _remember_match(
        self, task: Task, record: ConsentRecord, *, matched: bool, waits: bool
    ) -> None:
        """A number that no shopper carries waits as `unmatched` until one appears (TEA-12).

        Shoppers are the shop's: that a sender has no such contact yet is nothing to look at.
        """
        if matched is not waits:
            return
        review = Review(
            merchant_id=task.merchant_id,
            connection_id=task.connection_id,
            kind=ReviewKind.UNMATCHED,
            review_id=record.key.point_id,
            channel=record.key.channel.value,
            point_id=record.key.point_id,
            created_at=self._clock.now(),
        )
        if matched:
            self._reviews.delete(review)
        else:
            self._reviews.put(review)


def _as_push(task: Task, record: ConsentRecord, carriers: Carriers, number: int) -> ConsentPush:
    """Return the push. Each call has a key of its own: a peer that remembers keys would pass over
    the repeat of a state that a late call of another worker has overwritten."""
    state, _ = record.marks.standing
    out = state is State.OPTED_OUT
    call = sha256_hex(f"{record.head}|{task.lease_owner}|{number}".encode())
    return ConsentPush(
        point=record.point,
        channel=record.key.channel.value,
        opted_in=state is State.OPTED_IN,
        changed_at=record.updated_at,
        idempotency_key=f"{call[:32]}-{record.version}",
        # "Out" goes to those who left as well: it may be their leaving that says so.
        shopper_ids=carriers.shopper_ids + (carriers.left if out else ()),
    )


def _worth_telling(marks: Marks) -> bool:
    """Unknown and pending are what a peer shows anyway: not opted in."""
    state, _ = marks.standing
    return state in (State.OPTED_IN, State.OPTED_OUT)
