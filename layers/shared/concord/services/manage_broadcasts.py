"""Broadcasts as an operator handles them: draft, read, schedule, send, pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from concord.domain.audit import AuditEntry
from concord.domain.broadcast import (
    Act,
    Broadcast,
    BroadcastState,
    Draft,
    cancelled_unstarted,
    check_act,
    new_broadcast_id,
)
from concord.domain.broadcast_body import whole_body
from concord.domain.chunks import Tally
from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from concord.domain.page import Page, page
from concord.domain.tallies import Progress, progress_of
from concord.ports import Clock, Connections
from concord.ports.broadcasts import Broadcasts
from concord.ports.groups import GroupAudience
from concord.services.change_connection import audit_entry, find_connection

_ATTEMPTS: Final = 8
_FURTHEST: Final = timedelta(days=366)
_STARTS: Final = frozenset({Act.SEND, Act.SCHEDULE})


class ManageBroadcasts:
    """One method for each thing that an operator asks of a broadcast. All changes are audited."""

    def __init__(
        self,
        *,
        connections: Connections,
        broadcasts: Broadcasts,
        groups: GroupAudience,
        tallies: Callable[[str, str, str], Iterator[Tally]],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._connections = connections
        self._broadcasts = broadcasts
        self._groups = groups
        self._tallies = tallies
        self._clock = clock
        self._random_bytes = random_bytes

    def create(
        self, connection_id: str, draft: Draft, actor: str, request_hash: str = ""
    ) -> Broadcast:
        """Store a draft; the same keyed request makes one (TEA-05). Its `send_at` is for SCHEDULE.

        Raises InvalidInputError naming each wrong field, ConflictError `connection_not_connected`.
        """
        connection = self._connected(connection_id)
        now = self._clock.now()
        errors = _text_errors(draft.text, connection, now.date())
        errors += self._group_errors(connection, draft.group_ids)
        if draft.send_at is not None:
            errors += _moment_errors(draft.send_at, now)
        if errors:
            raise InvalidInputError("the broadcast has wrong fields", errors=tuple(errors))
        made = Broadcast(
            broadcast_id=new_broadcast_id(now, self._random_bytes(4).hex()),
            merchant_id=connection.merchant_id,
            connection_id=connection_id,
            name=draft.name,
            group_ids=tuple(dict.fromkeys(draft.group_ids)),
            text=draft.text,
            rate=draft.rate,
            send_at=draft.send_at,
            state=BroadcastState.DRAFT,
            created_at=now,
            made_by=request_hash,
        )
        details = {"groups": list(made.group_ids), "text_length": len(made.text)}
        audit = self._audit(connection, made, actor, "broadcast_drafted", details)
        return self._broadcasts.create(made, audit)

    def get(self, connection_id: str, broadcast_id: str) -> Broadcast:
        """Return a broadcast. Raises NotFoundError."""
        find_connection(self._connections, connection_id)
        return self._found(connection_id, broadcast_id)

    def progress(self, broadcast: Broadcast) -> Progress:
        """Return what became of its recipients so far, and who of them waits for a legal hour."""
        now = self._clock.now()
        if broadcast.report or broadcast.frozen is None:
            return Progress(now, broadcast.report, {})
        names = (broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id)
        return progress_of(self._tallies(*names), now)

    def list(self, connection_id: str, limit: int, cursor: str | None) -> Page[Broadcast]:
        """Return a page of a connection's broadcasts, newest first."""
        find_connection(self._connections, connection_id)
        every = self._broadcasts.of(connection_id)
        return page(every, limit, cursor, lambda each: each.broadcast_id, descending=True)

    def act(
        self,
        connection_id: str,
        broadcast_id: str,
        act: Act,
        actor: str,
        *,
        send_at: datetime | None = None,
    ) -> Broadcast:
        """Do what is asked, if its state allows it; the repeat of what is done already is done.

        Raises NotFoundError, InvalidInputError, ConflictError `invalid_transition` and, of what
        would hand texts over, `connection_not_connected`.
        """
        connection = find_connection(self._connections, connection_id)
        if act is not Act.CANCEL and act is not Act.PAUSE:
            connection = self._connected(connection_id)
        for _ in range(_ATTEMPTS):
            current = self._found(connection_id, broadcast_id)
            if _is_done(current, act, send_at):
                return current
            check_act(current.state, act)
            if act is Act.SCHEDULE:
                send_at = _moment(send_at or current.send_at, self._clock.now())
            if act in _STARTS:
                self._check_groups(connection, current)
            moved, wakes = _moved(current, act, self._clock.now(), send_at)
            details = {"from": current.state.value, "to": moved.state.value}
            audit = self._audit(connection, moved, actor, f"broadcast_{act}", details)
            if self._broadcasts.update(moved, self._clock.now(), wakes=wakes, audit=audit):
                return moved
        raise ConflictError("the broadcast kept changing; send it again", code="changed_meanwhile")

    def connected(self, connection_id: str, broadcast_id: str) -> tuple[Connection, Broadcast]:
        """Return a broadcast and its connection, which has to be connected. Raises NotFoundError,
        ConflictError `connection_not_connected`."""
        return self._connected(connection_id), self._found(connection_id, broadcast_id)

    def _found(self, connection_id: str, broadcast_id: str) -> Broadcast:
        found = self._broadcasts.get(connection_id, broadcast_id)
        if found is None:
            raise NotFoundError("no such broadcast")
        return found

    def _connected(self, connection_id: str) -> Connection:
        """Return a connection that hands texts over (TEA-01). Raises ConflictError."""
        connection = find_connection(self._connections, connection_id)
        if connection.state is not ConnectionState.CONNECTED:
            raise ConflictError(
                f"this connection is {connection.state.value}", code="connection_not_connected"
            )
        return connection

    def _check_groups(self, connection: Connection, broadcast: Broadcast) -> None:
        """Raise InvalidInputError if a group is gone. One that became empty is no mistake."""
        gone = self._group_errors(connection, broadcast.group_ids, empty_is_wrong=False)
        if gone:
            raise InvalidInputError("a group of this broadcast is gone", errors=tuple(gone))

    def _group_errors(
        self, connection: Connection, group_ids: Sequence[str], *, empty_is_wrong: bool = True
    ) -> Sequence[FieldError]:
        if not group_ids:
            return [FieldError("group_ids", "name at least one group")]
        counts = {
            group.group_id: group.textable_numbers
            for group in self._groups.counts(connection.merchant_id, connection.connection_id)
        }
        errors = []
        for n, group_id in enumerate(group_ids):
            if group_id not in counts:
                errors.append(FieldError(f"group_ids.{n}", "no such group; list them first"))
            elif empty_is_wrong and not counts[group_id]:
                errors.append(FieldError(f"group_ids.{n}", "nobody in this group is opted in"))
        return errors

    def _audit(
        self,
        connection: Connection,
        broadcast: Broadcast,
        actor: str,
        action: str,
        details: Mapping[str, Any],
    ) -> AuditEntry:
        named = {"broadcast_id": broadcast.broadcast_id, **details}
        return audit_entry(connection, self._clock.now(), actor, action, named)


def _text_errors(text: str, connection: Connection, on: date) -> list[FieldError]:
    if any(ord(c) < 32 and c not in "\n\r" for c in text):
        return [FieldError("text", "remove control characters; line breaks are fine")]
    try:
        whole_body(text, connection.country, connection.merchant_name, on)
    except InvalidInputError as problem:
        return list(problem.errors)
    return []


def _moment(send_at: datetime | None, now: datetime) -> datetime:
    """Return when a scheduled one starts. Raises InvalidInputError."""
    message = "say when, here or in the draft"
    errors = _moment_errors(send_at, now) if send_at else [FieldError("send_at", message)]
    if errors or send_at is None:
        raise InvalidInputError("this moment cannot be", errors=tuple(errors))
    return send_at


def _moment_errors(send_at: datetime, now: datetime) -> list[FieldError]:
    if send_at <= now:
        return [FieldError("send_at", "give a moment that is still to come")]
    if send_at > now + _FURTHEST:
        return [FieldError("send_at", "give a moment within the next 366 days")]
    return []


def _is_done(current: Broadcast, act: Act, send_at: datetime | None) -> bool:
    """Whether a repeat finds what it asks for: no second start, no error for an impatient click."""
    if act is Act.SCHEDULE:
        moved = send_at is not None and current.send_at != send_at
        return current.state is BroadcastState.SCHEDULED and not moved
    if act in (Act.SEND, Act.RESUME):
        return current.runs
    wanted = BroadcastState.PAUSED if act is Act.PAUSE else BroadcastState.CANCELLED
    return current.state is wanted


def _moved(
    current: Broadcast, act: Act, now: datetime, send_at: datetime | None
) -> tuple[Broadcast, bool]:
    """Return the broadcast as the act makes it, and whether the planner is needed for that."""
    after = replace(current, version=current.version + 1)
    if act is Act.SCHEDULE:
        return replace(after, state=BroadcastState.SCHEDULED, send_at=send_at), True
    if act is Act.SEND:
        return replace(after, state=BroadcastState.PLANNING, send_at=None), True
    if act is Act.PAUSE:
        return replace(after, state=BroadcastState.PAUSED, held="by_operator"), False
    if act is Act.RESUME:
        return replace(after, state=_resumed(current), held=""), True
    # Of what has begun the planner settles what was planned, and the last chunk closes it.
    if current.frozen is None:
        return cancelled_unstarted(current, now), False
    return replace(after, state=BroadcastState.CANCELLED, held=""), True


def _resumed(current: Broadcast) -> BroadcastState:
    if current.frozen is None and current.send_at is not None:
        return BroadcastState.SCHEDULED
    return BroadcastState.SENDING if current.planned else BroadcastState.PLANNING
