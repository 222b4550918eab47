"""Outbox tasks: rows that say what must still happen, and when a failed one is tried again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from concord.domain.identity import Channel


class TaskKind(StrEnum):
    """What a task does. Pushes carry state and may repeat; texts may not."""

    PUSH_CONSENT = "push_consent"
    SEND_TEXT = "send_text"
    FETCH_NUMBERS = "fetch_numbers"
    TELL_PEERS = "tell_peers"
    REPLAY_INBOX = "replay_inbox"
    IMPORT_CONSENTS = "import_consents"
    REGROUP = "regroup"
    SYNC_SHOPPERS = "sync_shoppers"
    SETTLE_ORDER = "settle_order"
    PLAN_BROADCAST = "plan_broadcast"
    PREVIEW_BROADCAST = "preview_broadcast"
    SEND_CHUNK = "send_chunk"
    RUN_NIGHT = "run_night"
    NOTIFY_EXPIRY = "notify_expiry"
    PUSH_CONTACT = "push_contact"
    EMIT_EVENT = "emit_event"
    SYNC_SUBSCRIBER = "sync_subscriber"
    AWAIT_CONFIRMATION = "await_confirmation"
    EXPORT_CONTACTS = "export_contacts"
    LAPSE = "lapse"


# The kind under which the push of an opt-out stands in the due index, so that its age is seen.
UNSYNCED_OPT_OUT: Final = "push_consent_out"


class Queue(StrEnum):
    """A queue for each pace, so that neither an export nor a broadcast delays an opt-out."""

    URGENT = "urgent"
    BULK = "bulk"
    PLAN = "plan"
    SEND = "send"
    NIGHT = "night"


QUEUE_OF: Final = {
    TaskKind.PUSH_CONSENT: Queue.URGENT,
    TaskKind.SEND_TEXT: Queue.URGENT,
    TaskKind.FETCH_NUMBERS: Queue.URGENT,
    TaskKind.TELL_PEERS: Queue.URGENT,
    TaskKind.REPLAY_INBOX: Queue.BULK,
    TaskKind.IMPORT_CONSENTS: Queue.BULK,
    TaskKind.REGROUP: Queue.BULK,
    TaskKind.SYNC_SHOPPERS: Queue.BULK,
    TaskKind.SETTLE_ORDER: Queue.BULK,
    TaskKind.PLAN_BROADCAST: Queue.PLAN,
    TaskKind.PREVIEW_BROADCAST: Queue.PLAN,
    TaskKind.SEND_CHUNK: Queue.SEND,
    TaskKind.RUN_NIGHT: Queue.NIGHT,
    TaskKind.NOTIFY_EXPIRY: Queue.BULK,
    TaskKind.PUSH_CONTACT: Queue.BULK,
    TaskKind.EMIT_EVENT: Queue.BULK,
    TaskKind.SYNC_SUBSCRIBER: Queue.BULK,
    TaskKind.AWAIT_CONFIRMATION: Queue.BULK,
    TaskKind.EXPORT_CONTACTS: Queue.BULK,
    TaskKind.LAPSE: Queue.BULK,
}


class TaskState(StrEnum):
    """Where a row is. Open rows stand in the due index; the others are finished."""

    OPEN = "open"
    ATTEMPTING = "attempting"
    SENT = "sent"
    REFUSED = "refused"
    DROPPED = "dropped"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class RowKey:
    """The only thing that streams and queues carry: where the row is."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task to be inserted by the transaction that caused it.

    `task_id` is deterministic, so a repeat finds the row that is there. A coalescing task (a state
    push) raises `want` on the row instead: the worker compares it with the version that it pushed.
    """

    kind: TaskKind
    connection_id: str
    task_id: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    want: int | None = None
    urgent_opt_out: bool = False


def push_id(platform: str, channel: Channel, point_id: str) -> str:
    """Return the id of the one task that pushes a point's state to a platform."""
    return f"{platform}#{channel.value}#{point_id}"


def read_push_id(task_id: str) -> tuple[str, Channel, str]:
    """Return (platform, channel, point_id) of a push's id. ValueError: it is none."""
    platform, channel, point_id = task_id.split("#")
    return platform, Channel(channel), point_id


@dataclass(frozen=True, slots=True)
class Task:
    """A task row as a worker holds it under its lease."""

    key: RowKey
    kind: TaskKind
    merchant_id: str
    connection_id: str
    task_id: str
    payload: Mapping[str, Any]
    state: TaskState
    attempts: int
    created_at: datetime
    want: int = 0
    lease_owner: str = ""


LEASE: Final = timedelta(seconds=60)
# Nothing waits longer than this between two tries, whatever a platform says; it is also the longest
# delay that SQS can give a message. Everything that looks for open work looks up to HORIZON ahead,
# so that what was put off a moment ago is seen as well.
LONGEST_WAIT: Final = timedelta(minutes=15)
HORIZON: Final = LONGEST_WAIT + timedelta(minutes=1)
_FIRST: Final = 2.0
_CEILING: Final = 60.0
_PATIENT_AFTER: Final = 30
_PATIENT_CEILING: Final = LONGEST_WAIT.total_seconds()


def backoff(attempts: int, retry_after: float | None, rng: random.Random) -> timedelta:
    """Return how long to wait after the `attempts`-th failure: exponential with equal jitter.

    A consent push has no attempt limit: a minute at most for the first half hour, so that a
    platform that is back hears of an opt-out at once; a quarter of an hour after that.
    `retry_after` (seconds, from the platform) is not undercut, up to LONGEST_WAIT: a longer one is
    asked again after a quarter of an hour, since no header may bury an opt-out.
    """
    ceiling = _CEILING if attempts <= _PATIENT_AFTER else _PATIENT_CEILING
    step = min(ceiling, _FIRST * 2.0 ** min(attempts - 1, 12))
    wait = step / 2 + rng.uniform(0, step / 2)
    return timedelta(seconds=max(wait, min(retry_after or 0.0, LONGEST_WAIT.total_seconds())))
