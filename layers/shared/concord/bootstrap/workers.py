"""Builds the worker of the urgent and bulk queues: one handler for each kind of task.

Each is imported when its first task comes: a worker that pushes consent loads no broadcast.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from concord.domain.tasks import RowKey, TaskKind
from concord.services.run_task import RunTask, TaskHandler

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def task_worker(parts: Parts) -> RunTask:
    """Return what runs one task of these queues."""
    return RunTask(
        tasks=parts.tasks,
        defer=parts.defer,
        handlers={
            TaskKind.PUSH_CONSENT: lambda: parts.push_consent,
            TaskKind.SEND_TEXT: lambda: send_text(parts),
            TaskKind.FETCH_NUMBERS: lambda: refresh_numbers(parts),
            TaskKind.TELL_PEERS: lambda: tell_peers(parts),
            TaskKind.REPLAY_INBOX: lambda: run_replay(parts),
            TaskKind.IMPORT_CONSENTS: lambda: run_import(parts),
            TaskKind.SYNC_SHOPPERS: lambda: sync_shoppers(parts),
            TaskKind.REGROUP: lambda: regroup(parts),
            TaskKind.SETTLE_ORDER: lambda: settle_order(parts),
            TaskKind.SEND_CHUNK: lambda: send_chunk(parts),
            TaskKind.NOTIFY_EXPIRY: lambda: notify_expiry(parts),
            TaskKind.PUSH_CONTACT: lambda: of_contacts(parts, TaskKind.PUSH_CONTACT),
            TaskKind.EMIT_EVENT: lambda: of_contacts(parts, TaskKind.EMIT_EVENT),
            TaskKind.SYNC_SUBSCRIBER: lambda: of_contacts(parts, TaskKind.SYNC_SUBSCRIBER),
            TaskKind.AWAIT_CONFIRMATION: lambda: of_contacts(parts, TaskKind.AWAIT_CONFIRMATION),
            TaskKind.EXPORT_CONTACTS: lambda: of_contacts(parts, TaskKind.EXPORT_CONTACTS),
        },
        lapse=lambda row: lapse(parts, row),
        restore=lambda key: parts.push_consent.restore(key),
        clock=parts.clock,
        telemetry=parts.telemetry,
        new_owner=lambda: uuid.uuid4().hex,
    )


def send_text(parts: Parts) -> TaskHandler:
    """Build the worker of texts."""
    from concord.services.judge_block import JudgeBlock
    from concord.services.send_text import SendText

    return SendText(
        tasks=parts.tasks,
        store=parts.store,
        connections=parts.connections,
        reach=parts.reach,
        defer=parts.defer,
        judge_block=JudgeBlock(
            tasks=parts.tasks,
            store=parts.store,
            defer=parts.defer,
            apply_signal=parts.apply_signal,
            authenticator=parts.authenticator,
            clock=parts.clock,
        ),
        authenticator=parts.authenticator,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )


def refresh_numbers(parts: Parts) -> TaskHandler:
    """Build the worker that fetches an account's text numbers."""
    from concord.services.refresh_numbers import RefreshNumbers

    return RefreshNumbers(
        tasks=parts.tasks,
        connections=parts.connections,
        numbers=parts.numbers,
        replay=parts.replay,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )


def tell_peers(parts: Parts) -> TaskHandler:
    """Build the worker that tells a new connection's peers what the last one's missed."""
    from concord.services.tell_peers import TellPeers

    return TellPeers(
        untold=parts.untold,
        store=parts.store,
        connections=parts.connections,
        tasks=parts.tasks,
        defer=parts.defer,
        clock=parts.clock,
    )


def run_replay(parts: Parts) -> TaskHandler:
    """Build the worker of replays by time."""
    from concord.services.replay_inbox import RunReplay

    return RunReplay(
        replay=parts.replay,
        inbox=parts.inbox,
        jobs=parts.jobs,
        tasks=parts.tasks,
        defer=parts.defer,
        clock=parts.clock,
    )


def run_import(parts: Parts) -> TaskHandler:
    """Build the worker of imports."""
    from concord.services.run_import import RunImport

    return RunImport(
        connections=parts.connections,
        authenticator=parts.authenticator,
        apply_rows=parts.apply_rows,
        jobs=parts.jobs,
        parts=parts.import_parts,
        tasks=parts.tasks,
        defer=parts.defer,
        clock=parts.clock,
    )


def regroup(parts: Parts) -> TaskHandler:
    """Build the worker that brings groups up to date."""
    from concord.bootstrap.groups import regroup as made

    return made(parts)


def settle_order(parts: Parts) -> TaskHandler:
    """Build the worker that books what orders come to."""
    from concord.bootstrap.orders import settle_order as made

    return made(parts)


def of_contacts(parts: Parts, kind: TaskKind) -> TaskHandler:
    """Build the worker of one kind of task about contact lists."""
    from concord.bootstrap.contacts import WORKERS

    return WORKERS[kind](parts)


def send_chunk(parts: Parts) -> TaskHandler:
    """Build the worker of a broadcast's chunks."""
    from concord.bootstrap.sending import send_chunk as made

    return made(parts)


def sync_shoppers(parts: Parts) -> TaskHandler:
    """Build the worker of full reads, and of the timers that start them."""
    from concord.bootstrap.sync import sync_worker as made

    return made(parts)


def notify_expiry(parts: Parts) -> TaskHandler:
    """Build the worker that tells of points that expire soon."""
    from concord.services.notify_expiry import NotifyExpiry

    return NotifyExpiry(parts.ledger, parts.connections, parts.tasks, parts.clock)


def lapse(parts: Parts, row: RowKey) -> None:
    """Lapse the pending opt-in at `row`."""
    from concord.services.lapse_consent import LapseConsent

    LapseConsent(
        store=parts.store,
        connections=parts.connections,
        authenticator=parts.authenticator,
        apply_signal=parts.apply_signal,
        clock=parts.clock,
    )(row)
