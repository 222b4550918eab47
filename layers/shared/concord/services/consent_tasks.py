"""The work that a change of consent causes: texts to her, her new state to both platforms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.consent import Decision, MessageKind, Signal
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.groups import textable
from concord.domain.identity import Channel
from concord.domain.marks import State
from concord.domain.tasks import Task, TaskKind, TaskSpec, push_id
from concord.domain.texts import render, wording_hash, wording_version
from concord.services.regroup_tasks import point_task

# FCC: one confirmation within five minutes of the opt-out; later it would be one text too many.
CONFIRM_WITHIN: Final = timedelta(minutes=5)
# How long the push of an opt-out may wait for its confirmation: within TEA-11's five seconds.
_TEXT_FIRST: Final = timedelta(seconds=4)
NOTHING_FIRST: Final[Mapping[str, str]] = MappingProxyType({})
# An invitation may be asked for again after a day (TEA-15): an older one must not follow it.
_SENDABLE_FOR: Final = {
    MessageKind.OPT_OUT_CONFIRMATION: CONFIRM_WITHIN,
    MessageKind.HELP_REPLY: CONFIRM_WITHIN,
    MessageKind.OPT_IN_CONFIRMATION: timedelta(hours=24),
    MessageKind.INVITATION: timedelta(hours=24),
}


def messages_of(connection: Connection, decision: Decision) -> tuple[MessageKind, ...]:
    """Return the texts that are ours to send: what the carrier answers is not."""
    if connection.state is ConnectionState.DISCONNECTED:
        return ()
    if not connection.carrier_answers_stop:
        return decision.messages
    silent = {MessageKind.OPT_OUT_CONFIRMATION, MessageKind.HELP_REPLY}
    return tuple(kind for kind in decision.messages if kind not in silent)


def wording(connection: Connection, kind: MessageKind) -> dict[str, str]:
    """Return the kind, version and hash of a text, as evidence names them (R-03).

    A merchant's own wording has the version of the connection row that held it, which the audit
    trail shows; the built-in one has a version of its own.
    """
    text = render(
        kind,
        connection.settings.texts,
        merchant=connection.merchant_name,
        join=connection.settings.join_keyword,
    )
    version = wording_version(kind, connection.settings.texts, connection.version)
    return {"kind": kind.value, "version": version, "sha256": wording_hash(text)}


def tasks_of(
    connection: Connection,
    record: ConsentRecord,
    evidence: Evidence,
    signal: Signal,
    decision: Decision,
    messages: tuple[MessageKind, ...],
) -> Iterator[TaskSpec]:
    """Yield the work that a change causes: texts, and the new state for both platforms."""
    where = {
        "channel": record.key.channel.value,
        "account": record.key.account,
        "point_id": record.key.point_id,
    }
    for kind in messages:
        deadline = signal.received_at + _SENDABLE_FOR[kind]
        yield TaskSpec(
            TaskKind.SEND_TEXT,
            connection.connection_id,
            task_id=_text_id(evidence, kind),
            payload={
                **where,
                "purpose": kind.value,
                "evidence_id": evidence.evidence_id,
                "reply_from": signal.source.get("to", ""),
                "not_after": deadline.isoformat(),
            },
        )
    if decision.tell_peers:
        confirmed = MessageKind.OPT_OUT_CONFIRMATION in messages
        text_first = {
            "after_text": _text_id(evidence, MessageKind.OPT_OUT_CONFIRMATION),
            "after_until": (record.updated_at + _TEXT_FIRST).isoformat(),
        }
        yield from push_tasks(
            connection,
            record.key,
            record.version,
            decision.state,
            text_first if confirmed else NOTHING_FIRST,
        )


def regroup_tasks(
    connection: Connection, before: ConsentRecord | None, after: ConsentRecord
) -> tuple[TaskSpec, ...]:
    """Return the look at the groups of who carries a number, if it may be texted now and could not
    before, or the other way round; anything else costs nothing (TEA-06)."""
    if after.key.channel is not Channel.SMS or textable(before) is textable(after):
        return ()
    return (point_task(connection.connection_id, after.key.point_id, after.version),)


def _text_id(evidence: Evidence, kind: MessageKind) -> str:
    """Return the reference of a text, which platforms bring back with receipts."""
    return f"{evidence.hash[:24]}-{kind.value}"


def push_tasks(
    connection: Connection,
    key: ConsentKey,
    version: int,
    state: State,
    text_first: Mapping[str, str] = NOTHING_FIRST,
) -> Iterator[TaskSpec]:
    """Yield one state push per side that keeps a flag: each fails and recovers on its own.

    Also of a connection that is over: its worker keeps them for the account's next one.
    `text_first` names a text that the side which carries it takes only before it is told (ADR 16).
    """
    for side in connection.told(key.channel):
        carries = side.platform == connection.sender_platform
        yield push_task(
            connection,
            side.platform,
            key,
            version,
            state,
            text_first if carries else NOTHING_FIRST,
        )


def push_task(
    connection: Connection,
    platform: str,
    key: ConsentKey,
    version: int,
    state: State,
    text_first: Mapping[str, str] = NOTHING_FIRST,
) -> TaskSpec:
    """Return the push of one point's state to one platform; a newer one replaces it in place."""
    return TaskSpec(
        TaskKind.PUSH_CONSENT,
        connection.connection_id,
        task_id=push_id(platform, key.channel, key.point_id),
        payload={
            "platform": platform,
            "channel": key.channel.value,
            "account": key.account,
            "point_id": key.point_id,
            **text_first,
        },
        want=version,
        urgent_opt_out=state is State.OPTED_OUT,
    )


def consent_key(task: Task) -> ConsentKey:
    """Return whose consent a text or a push is about."""
    return ConsentKey(
        task.merchant_id,
        str(task.payload["account"]),
        Channel(str(task.payload["channel"])),
        str(task.payload["point_id"]),
    )
