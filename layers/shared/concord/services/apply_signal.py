"""Apply one signal to one point: read, decide, commit in one transaction, and again if it moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Decision, MessageKind, Signal, decide
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import ConflictError, StorageUnavailableError
from concord.domain.evidence import GENESIS, SALT_BYTES, ConsentKey, Evidence, next_evidence
from concord.domain.identity import Channel, event_key, point_id
from concord.domain.inbox import InboxEntry, Marker
from concord.domain.marks import Basis, Marks, State
from concord.domain.profiles import OPT_OUTS, SignalKind
from concord.domain.review import Review, ReviewKind
from concord.ports import AlreadySeen, Clock, Committed, ConsentCommit, ConsentStore
from concord.services.consent_tasks import messages_of, regroup_tasks, tasks_of, wording

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a signal. `duplicate` = the event came before (or the state was `unless`);
    nothing was written. `seq` counts the evidence of its key, 0 for a duplicate."""

    key: ConsentKey
    before: State
    state: State
    basis: Basis | None
    rejection: str | None
    evidence_id: str
    duplicate: bool
    seq: int = 0


class ApplySignal:
    """The one way in which consent ever changes."""

    def __init__(
        self, store: ConsentStore, clock: Clock, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(
        self,
        *,
        connection: Connection,
        stack_key: bytes,
        channel: Channel,
        point: str,
        signal: Signal,
        marker: Marker | None = None,
        inbox: InboxEntry | None = None,
        close_review: Review | None = None,
        unless: State | None = None,
    ) -> Applied:
        """Apply `signal` to `point` (normalised), unless its state is that one already, and return
        what is true after it.

        One read and one transaction, more only when somebody else changed the key in between.
        Raises ConflictError `event_id_reused` when the marker's event came before with another body
        (an opt-out is then applied under its own name instead), StorageUnavailableError.
        """
        identity = point_id(stack_key, connection.merchant_id, channel, point)
        key = ConsentKey(connection.merchant_id, connection.account, channel, identity)
        for _ in range(_ATTEMPTS):
            current = self._store.load(key)
            commit, decision = self._plan(connection, key, point, current, signal)
            if decision.before is unless:
                return _unchanged(key, current)
            result = self._store.commit(
                replace(
                    commit,
                    marker=replace(marker, outcome=commit.evidence.evidence_id) if marker else None,
                    inbox=inbox,
                    close_review=close_review,
                )
            )
            if isinstance(result, Committed):
                return _applied(key, decision, commit.evidence)
            if isinstance(result, AlreadySeen):
                if marker is None or result.marker.body_hash == marker.body_hash:
                    return self._repeated(key, signal, connection, result.marker)
                marker = _renamed(marker, signal)
        raise StorageUnavailableError("consent kept changing while it was decided")

    def note(
        self,
        connection: Connection,
        stack_key: bytes,
        record: ConsentRecord,
        *,
        kind: SignalKind,
        via: str,
        event: str,
        text: str | None = None,
    ) -> Applied:
        """Apply what we found out ourselves about a point; `event` names it, so it counts once.

        `text` is the id of the text that told us. Raises as `__call__` does.
        """
        now = self._clock.now()
        source = {"connection_id": connection.connection_id} | ({"text": text} if text else {})
        return self(
            connection=connection,
            stack_key=stack_key,
            channel=record.key.channel,
            point=record.point,
            signal=Signal(kind=kind, effective_at=now, received_at=now, via=via, source=source),
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(event),
                body_hash="",
            ),
        )

    def suppressed(
        self, connection: Connection, stack_key: bytes, channel: Channel, point: str
    ) -> bool:
        """Return whether a carrier reported `point` (normalised) dead, and nothing since (R-07)."""
        identity = point_id(stack_key, connection.merchant_id, channel, point)
        key = ConsentKey(connection.merchant_id, connection.account, channel, identity)
        current = self._store.load(key)
        return current is not None and current.marks.suppressed

    def would(
        self, connection: Connection, key: ConsentKey, signal: Signal
    ) -> tuple[ConsentRecord | None, Decision]:
        """Return what `signal` would do, without writing: a dry run decides by the same code."""
        current = self._store.load(key)
        return current, _decide(connection, key.channel, current, signal)

    def _plan(
        self,
        connection: Connection,
        key: ConsentKey,
        point: str,
        current: ConsentRecord | None,
        signal: Signal,
    ) -> tuple[ConsentCommit, Decision]:
        decision = _decide(connection, key.channel, current, signal)
        messages = messages_of(connection, decision)
        version = (current.version if current else 0) + 1
        evidence = next_evidence(
            key,
            seq=version,
            prev=current.head if current else GENESIS,
            signal=signal,
            decision=decision,
            recorded_at=self._clock.now(),
            salt=self._random_bytes(SALT_BYTES),
            texts=tuple(wording(connection, kind) for kind in messages),
        )
        invited = MessageKind.INVITATION in messages
        record = ConsentRecord(
            key=key,
            connection_id=connection.connection_id,
            point=point,
            version=version,
            marks=decision.marks,
            head=evidence.hash,
            updated_at=self._clock.now(),
            invited_at=signal.received_at if invited else (current.invited_at if current else None),
        )
        commit = ConsentCommit(
            record=record,
            expected_version=version - 1,
            evidence=evidence,
            tasks=(
                *tasks_of(connection, record, evidence, signal, decision, messages),
                *regroup_tasks(connection, current, record),
            ),
            review=_review(connection, record, evidence, signal, decision),
            lapse_at=_lapse_at(connection, record, decision),
        )
        return commit, decision

    def _repeated(
        self,
        key: ConsentKey,
        signal: Signal,
        connection: Connection,
        seen: Marker,
    ) -> Applied:
        """Answer a repeat from what is true now, which includes its first time.

        Read once more: the first time may have been committed since this request looked.
        """
        current = self._store.load(key)
        decision = _decide(connection, key.channel, current, signal)
        marks = current.marks if current else Marks()
        state, basis = marks.standing
        return Applied(key, state, state, basis, decision.rejection, seen.outcome, duplicate=True)


def _decide(
    connection: Connection, channel: Channel, current: ConsentRecord | None, signal: Signal
) -> Decision:
    marks = current.marks if current else Marks()
    invited_at = current.invited_at if current else None
    return decide(marks, signal, connection.profile(channel), invited_at)


def _unchanged(key: ConsentKey, current: ConsentRecord | None) -> Applied:
    state, basis = (current.marks if current else Marks()).standing
    return Applied(key, state, state, basis, None, "", duplicate=True)


def _applied(key: ConsentKey, decision: Decision, evidence: Evidence) -> Applied:
    return Applied(
        key=key,
        before=decision.before,
        state=decision.state,
        basis=decision.basis,
        rejection=decision.rejection,
        evidence_id=evidence.evidence_id,
        duplicate=False,
        seq=evidence.seq,
    )


def _renamed(marker: Marker, signal: Signal) -> Marker:
    """An id that came with another body: an opt-out counts under id + hash, others fail."""
    if signal.kind not in OPT_OUTS:
        raise ConflictError(
            "this event id was used for another event; give each event an id of its own",
            code="event_id_reused",
        )
    return replace(
        marker, event_key=sha256_hex((marker.event_key + marker.body_hash).encode())[:40]
    )


def _review(
    connection: Connection,
    record: ConsentRecord,
    evidence: Evidence,
    signal: Signal,
    decision: Decision,
) -> Review | None:
    """Return what a person should look at: this one text, whatever else waits (R-05)."""
    if not decision.review:
        return None
    return Review(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        kind=ReviewKind.FUZZY,
        review_id=evidence.hash[:24],
        channel=record.key.channel.value,
        point_id=record.key.point_id,
        created_at=record.updated_at,
        reviewed_at=signal.effective_at,
        evidence_id=evidence.evidence_id,
    )


def _lapse_at(connection: Connection, record: ConsentRecord, decision: Decision) -> datetime | None:
    if decision.state is not State.PENDING or decision.marks.asked_at is None:
        return None
    return decision.marks.asked_at + connection.profile(record.key.channel).lapse_after
