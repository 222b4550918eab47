"""Keys of task rows, of parked failures and of the due index; the form is that of keys.py."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zlib import crc32

from concord.domain.task_rows import DueRow, TaskRef
from concord.domain.tasks import QUEUE_OF, UNSYNCED_OPT_OUT, Queue, RowKey, TaskKind
from concord.domain.times import from_rfc3339, to_rfc3339

DUE_SHARDS: Final = 16
PUSH_OUT: Final = UNSYNCED_OPT_OUT
LAPSE: Final = TaskKind.LAPSE.value
_WAITS: Final = "waits:"
_TASK_PREFIX: Final = {
    Queue.URGENT: "TU",
    Queue.BULK: "TB",
    Queue.PLAN: "TP",
    Queue.SEND: "TS",
    Queue.NIGHT: "TN",
}
_QUEUE_OF_PREFIX: Final = {prefix: queue for queue, prefix in _TASK_PREFIX.items()}


def task(merchant_id: str, kind: TaskKind, connection_id: str, task_id: str) -> RowKey:
    """Return `TU#<merchant>#<kind>#<connection>#<task>` / `TASK`.

    The prefix names the queue: `TU#` urgent, `TB#` bulk, `TP#` plan, `TS#` send, `TN#` night.
    """
    prefix = _TASK_PREFIX[QUEUE_OF[kind]]
    return RowKey(f"{prefix}#{merchant_id}#{kind.value}#{connection_id}#{task_id}", "TASK")


def read_task(key: RowKey) -> TaskRef | None:
    """Return what the key of a task row says; None = it is none."""
    parts = key.pk.split("#", 4)
    if key.sk != "TASK" or len(parts) != 5 or parts[0] not in _TASK_PREFIX.values():
        return None
    if parts[2] not in set(TaskKind):
        return None
    return TaskRef(parts[1], TaskKind(parts[2]), parts[3], parts[4])


def queue_of(key: RowKey) -> Queue:
    """Return the queue of a row; what is no task (a lapsing consent) goes through bulk."""
    return _QUEUE_OF_PREFIX.get(key.pk.partition("#")[0], Queue.BULK)


def comes_second(key: RowKey) -> bool:
    """Whether a row gives way to texts: a platform told of an opt-out may take none any more."""
    ref = read_task(key)
    return ref is None or ref.kind is not TaskKind.SEND_TEXT


def failed_pk(merchant_id: str, connection_id: str) -> str:
    """Return `F#<merchant>#<connection>`: the partition of parked failures."""
    return f"F#{merchant_id}#{connection_id}"


def failed(
    merchant_id: str, connection_id: str, at: datetime, kind: TaskKind, task_id: str
) -> RowKey:
    """Return `F#<merchant>#<connection>` / `<at>#<kind>#<task>`."""
    sk = f"{to_rfc3339(at)}#{kind.value}#{task_id}"
    return RowKey(failed_pk(merchant_id, connection_id), sk)


def due_pk(key: RowKey) -> str:
    """Return `DUE#<shard 0..15>` of the due index, the same for a row all its life."""
    return due_shard(crc32(key.pk.encode()) % DUE_SHARDS)


def due_shard(shard: int) -> str:
    """Return `DUE#<shard>`."""
    return f"DUE#{shard}"


def due_sk(
    due_at: datetime, kind: str, created_at: datetime, row_id: str, *, waits: bool = False
) -> str:
    """Return `<due_at>#<kind>#<created_at>#<id>` of the due index.

    The kind of an opt-out's push is `push_consent_out`, and its created_at the first opt-out that
    nobody was told of: the sweep measures the oldest un-synced opt-out from keys alone. The kind of
    a row that `waits` without a message begins with `waits:`.
    """
    kind = f"{_WAITS}{kind}" if waits else kind
    return f"{to_rfc3339(due_at)}#{kind}#{to_rfc3339(created_at)}#{row_id}"


def read_due_sk(key: RowKey, text: str) -> DueRow:
    """Return what a key of the due index says of the row at `key`."""
    due_at, kind, created_at, _ = text.split("#", 3)
    return DueRow(
        key,
        kind.removeprefix(_WAITS),
        from_rfc3339(due_at),
        from_rfc3339(created_at),
        waits=kind.startswith(_WAITS),
    )


def due_before(before: datetime) -> str:
    """Return the bound that all due index keys due before `before` sort under."""
    return to_rfc3339(before)
