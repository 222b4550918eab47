"""The work that a change of consent causes: texts to her, her new state to both platforms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.consent import Decision, MessageKind, Signal, State
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.identity import Channel
from concord.domain.tasks import TaskKind, TaskSpec
from concord.domain.texts import render, wording_hash

# FCC: one confirmation within five minutes of the opt-out; later it would be one text too many.
CONFIRM_WITHIN: Final = timedelta(minutes=5)
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
    """Return the kind of a text and the hash of its words, as evidence names them."""
    text = render(
        kind,
        connection.settings.texts,
        merchant=connection.merchant_name,
        join=connection.settings.join_keyword,
    )
    return {"kind": kind.value, "sha256": wording_hash(text)}


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
            task_id=f"{evidence.hash[:24]}-{kind.value}",
            payload={
                **where,
                "purpose": kind.value,
                "evidence_id": evidence.evidence_id,
                "reply_from": signal.source.get("to", ""),
                "not_after": deadline.isoformat(),
            },
        )
    if decision.tell_peers and record.key.channel is Channel.SMS:
        yield from push_tasks(connection, record.key, record.version, decision.state)


def push_tasks(
    connection: Connection, key: ConsentKey, version: int, state: State
) -> Iterator[TaskSpec]:
    """Yield one state push per side: each platform fails and recovers on its own.

    Also of a connection that is over: its worker keeps them for the account's next one.
    """
    for side in (connection.source, connection.destination):
        yield push_task(connection, side.platform, key, version, state)


def push_task(
    connection: Connection, platform: str, key: ConsentKey, version: int, state: State
) -> TaskSpec:
    """Return the push of one point's state to one platform; a newer one replaces it in place."""
    return TaskSpec(
        TaskKind.PUSH_CONSENT,
        connection.connection_id,
        task_id=f"{platform}#{key.channel.value}#{key.point_id}",
        payload={
            "platform": platform,
            "channel": key.channel.value,
            "account": key.account,
            "point_id": key.point_id,
        },
        want=version,
        urgent_opt_out=state is State.OPTED_OUT,
    )
