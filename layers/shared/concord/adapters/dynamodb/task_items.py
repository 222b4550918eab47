"""A task row as an item, and the writes that bring one into the table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from concord.adapters.dynamodb import task_keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import put, update
from concord.domain.task_rows import ParkedTask
from concord.domain.tasks import RowKey, Task, TaskKind, TaskSpec, TaskState
from concord.domain.times import from_rfc3339, to_rfc3339

_PARKED_FOR: Final = timedelta(days=30)


def task_key(merchant_id: str, spec: TaskSpec) -> RowKey:
    """Return where the row of a task is."""
    return task_keys.task(merchant_id, spec.kind, spec.connection_id, spec.task_id)


def task_item(
    merchant_id: str, spec: TaskSpec, now: datetime, due_at: datetime | None = None
) -> Item:
    """Return the attributes of a new row, due now or, without a message till then, at `due_at`."""
    key = task_key(merchant_id, spec)
    return {
        "merchant_id": merchant_id,
        "connection_id": spec.connection_id,
        "kind": spec.kind.value,
        "task_id": spec.task_id,
        "payload": dict(spec.payload),
        "state": TaskState.OPEN.value,
        "attempts": 0,
        "created_at": to_rfc3339(now),
        "want": spec.want or 0,
        "out_since": to_rfc3339(now) if spec.urgent_opt_out else None,
        "due_pk": task_keys.due_pk(key),
        "due_sk": _due_sk(spec, now, due_at),
    }


def write_task(
    merchant_id: str, spec: TaskSpec, now: datetime, due_at: datetime | None = None
) -> dict[str, Any]:
    """Return the transaction item that inserts a task.

    A task that must happen once is a put that a repeat cannot pass. A state push coalesces: the row
    that may be there gets the new `want`. The version of the consent state is raised by the same
    transaction, so the new `want` is always the higher one.
    """
    key = task_key(merchant_id, spec)
    item = task_item(merchant_id, spec, now, due_at)
    if spec.want is None:
        return put(key, item, "attribute_not_exists(pk)")
    kept = ("attempts", "created_at", "due_pk")
    expression = "SET " + ", ".join(
        [f"#{name} = if_not_exists(#{name}, :{name})" for name in kept]
        + [
            f"#{name} = :{name}"
            for name in ("merchant_id", "connection_id", "kind", "task_id", "payload", "state")
        ]
        + ["#want = :want"]
    )
    if spec.urgent_opt_out:
        # Rewritten even if the row waits for a later try: an opt-out is due at once, and the index
        # says so. `out_since` keeps the age of the first opt-out that nobody was told of.
        expression += ", #due_sk = :due_sk, #out_since = if_not_exists(#out_since, :out_since)"
    else:
        item.pop("out_since")
        expression += ", #due_sk = if_not_exists(#due_sk, :due_sk) REMOVE #out_since"
    return update(key, expression, **item)


def _due_sk(spec: TaskSpec, now: datetime, due_at: datetime | None) -> str:
    kind = task_keys.PUSH_OUT if spec.urgent_opt_out else spec.kind.value
    return task_keys.due_sk(due_at or now, kind, now, spec.task_id, waits=due_at is not None)


def due_again(item: Item, due_at: datetime, *, waits: bool = False) -> str:
    """Return the due index key of an existing row that becomes due at `due_at`."""
    since = item.get("out_since")
    kind = task_keys.PUSH_OUT if since else item["kind"]
    created_at = from_rfc3339(since or item["created_at"])
    return task_keys.due_sk(due_at, kind, created_at, item["task_id"], waits=waits)


def known(task: Task) -> Item:
    """Return what is known of a row that is held under a lease and that nobody else changes."""
    return {
        "kind": task.kind.value,
        "task_id": task.task_id,
        "created_at": to_rfc3339(task.created_at),
        "want": task.want,
        "lease_owner": task.lease_owner,
    }


def task_from(item: Item) -> Task:
    """Return the task that a row holds."""
    return Task(
        key=RowKey(item["pk"], item["sk"]),
        kind=TaskKind(item["kind"]),
        merchant_id=item["merchant_id"],
        connection_id=item["connection_id"],
        task_id=item["task_id"],
        payload=item["payload"],
        state=TaskState(item["state"]),
        attempts=item["attempts"],
        created_at=from_rfc3339(item["created_at"]),
        want=item["want"],
        lease_owner=item.get("lease_owner", ""),
    )


def park_task(task: Task, reason: str, words: str, now: datetime) -> dict[str, Any]:
    """Return the put of a failure, kept 30 days with the platform's words."""
    item: Item = {
        "kind": task.kind.value,
        "task_id": task.task_id,
        "at": to_rfc3339(now),
        "reason": reason,
        "words": words,
        "attempts": task.attempts,
        "created_at": to_rfc3339(task.created_at),
        "payload": dict(task.payload),
        "want": task.want,
        "expires_at": int((now + _PARKED_FOR).timestamp()),
    }
    key = task_keys.failed(task.merchant_id, task.connection_id, now, task.kind, task.task_id)
    return put(key, item)


def parked_from(merchant_id: str, connection_id: str, item: Item) -> ParkedTask:
    """Return the record of a failure."""
    return ParkedTask(
        key=RowKey(item["pk"], item["sk"]),
        merchant_id=merchant_id,
        connection_id=connection_id,
        kind=TaskKind(item["kind"]),
        task_id=item["task_id"],
        at=from_rfc3339(item["at"]),
        reason=item["reason"],
        words=item["words"],
        attempts=int(item["attempts"]),
        payload=item["payload"],
    )
