"""Task rows under leases, and parked failures."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from concord.adapters.dynamodb import task_keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import delete, update
from concord.adapters.dynamodb.task_items import (
    due_again,
    known,
    park_task,
    task_from,
    task_item,
    task_key,
    write_task,
)
from concord.adapters.dynamodb.task_reads import DynamoDbTaskReads
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.errors import StorageUnavailableError
from concord.domain.task_rows import Finish, Lease, ParkedTask
from concord.domain.tasks import LEASE, RowKey, Task, TaskKind, TaskSpec, TaskState
from concord.domain.times import to_rfc3339

_OPEN: Final = frozenset({TaskState.OPEN, TaskState.ATTEMPTING})
_ROUNDS: Final = 5
_OURS: Final = "#lease_owner = :owner"


class DynamoDbTasks(DynamoDbTaskReads):
    """Tasks over the one table."""

    # --- leases ------------------------------------------------------------------------------

    def lease(self, key: RowKey, owner: str, now: datetime) -> Task | Lease:
        """Take an unfinished row that nobody holds; counts an attempt.

        The row keeps its place in the due index: when the worker dies, the sweep finds it there.
        """
        token = f"{owner}:{uuid.uuid4().hex[:12]}"
        try:
            item = self._table.update(
                key,
                "SET #lease_owner = :owner, #lease_until = :until ADD #attempts :one REMOVE #again",
                "attribute_exists(#due_pk) AND "
                "(attribute_not_exists(#lease_until) OR #lease_until <= :now)",
                owner=token,
                until=to_rfc3339(now + LEASE),
                now=to_rfc3339(now),
                one=1,
            )
        except ConditionFailedError as failed:
            stored = failed.item
            if stored is None or "due_pk" not in stored:
                return Lease.GONE
            if stored.get("lease_owner") != token:
                return Lease.BUSY
            item = stored  # our own first attempt, whose answer was lost
        return task_from(item)

    def extend(self, task: Task, now: datetime) -> bool:
        """Renew the lease; False if it is no longer ours."""
        until = to_rfc3339(now + LEASE)
        return self._update_ours(task, "SET #lease_until = :until", until=until)

    def finish_push(self, task: Task, pushed_version: int) -> Finish:
        """Delete the row, unless something newer is wanted or somebody else holds it.

        Deleted and not marked: the next change is an insert again, which is what the stream tells.
        """
        try:
            self._table.delete(
                task.key,
                f"{_OURS} AND #want <= :pushed AND attribute_not_exists(#again)",
                owner=task.lease_owner,
                pushed=pushed_version,
            )
        except ConditionFailedError as failed:
            stored = failed.item
            if stored is None:  # gone: by our own first attempt if its answer was lost
                return Finish.DONE if failed.answer_lost else Finish.LOST
            if stored.get("lease_owner") != task.lease_owner:
                return Finish.LOST
            if "again" in stored and not self._update_ours(task, "REMOVE #again"):
                return Finish.LOST
            return Finish.NEWER
        return Finish.DONE

    def retry_at(self, task: Task, next_at: datetime, error: str, *, waits: bool = False) -> bool:
        """Give the row back, due again at `next_at`, in the index under the kind that it is now."""
        return self._give_back(task, next_at, error, waits=waits) is not None

    def _give_back(
        self, task: Task, next_at: datetime, error: str, *, waits: bool = False
    ) -> Item | None:
        # What the index needs of a push may have changed under the lease; of any other it has not.
        item = self._table.get(task.key) if task.kind is TaskKind.PUSH_CONSENT else known(task)
        for _ in range(_ROUNDS):
            if item is None or item.get("lease_owner") != task.lease_owner:
                return None
            try:
                # On `want`: an opt-out that comes in between would lose its place in the index.
                return self._table.update(
                    task.key,
                    "SET #due_pk = :due_pk, #due_sk = :due_sk, #error = :error "
                    "REMOVE #lease_owner, #lease_until, #again",
                    f"{_OURS} AND #want = :want",
                    owner=task.lease_owner,
                    want=item["want"],
                    due_pk=task_keys.due_pk(task.key),
                    due_sk=due_again(item, next_at, waits=waits),
                    error=error,
                )
            except ConditionFailedError as failed:
                if failed.answer_lost and failed.item and "lease_owner" not in failed.item:
                    return failed.item
                item = failed.item
        raise StorageUnavailableError("a task kept changing while it was given back")

    # --- coming and going --------------------------------------------------------------------

    def ensure(self, merchant_id: str, spec: TaskSpec, now: datetime) -> None:
        """Insert the task, or have the row that is there done once more.

        A row that a worker holds at this moment is not let go as done: `again` makes that worker go
        round once more, since it may have looked before whatever made the task necessary.
        """
        key = task_key(merchant_id, spec)
        for _ in range(_ROUNDS):
            try:
                item = task_item(merchant_id, spec, now)
                self._table.put(key, item, "attribute_not_exists(pk)")
                return
            except ConditionFailedError as failed:
                stored = failed.item
            if spec.want is None or stored is None or self._want_again(key, spec, stored, now):
                return
        raise StorageUnavailableError("a task kept changing while it was ensured")

    def _want_again(self, key: RowKey, spec: TaskSpec, stored: Item, now: datetime) -> bool:
        since = stored.get("out_since") or to_rfc3339(now)
        urgent = spec.urgent_opt_out
        try:
            self._table.update(
                key,
                "SET #want = :want, #payload = :payload, #again = :true"
                + (", #due_sk = :due_sk, #out_since = :since" if urgent else ""),
                "#want = :seen",
                want=max(stored["want"], spec.want or 0),
                payload={**stored["payload"], **spec.payload},
                true=True,
                seen=stored["want"],
                **(
                    {"since": since, "due_sk": due_again({**stored, "out_since": since}, now)}
                    if urgent
                    else {}
                ),
            )
        except ConditionFailedError:
            return False  # finished or raised in between: look again
        return True

    def hand_on(self, task: Task, spec: TaskSpec, now: datetime) -> bool:
        """End the row and insert what follows from it in one transaction: a worker that died
        between the two would insert it once more after it was done."""
        condition = f"{_OURS} AND attribute_not_exists(#again)"
        ends = delete(task.key, condition, owner=task.lease_owner)
        try:
            self._table.transact([write_task(task.merchant_id, spec, now), ends])
        except TransactionRefusedError as refused:
            if refused.at(1) is not None:
                return refused.answer_lost
            return self._delete_ours(task)
        return True

    def mark(
        self,
        task: Task,
        state: TaskState,
        now: datetime,
        details: Mapping[str, Any] | None = None,
        *,
        expected: TaskState | None = None,
    ) -> bool:
        """Move a row on under its lease. False: not ours, or not in the `expected` state.

        A finished text keeps its row, as the record of what became of it, and leaves the due index.
        Any other finished row goes, so that the same task can be inserted again.
        """
        if state not in _OPEN and state is not TaskState.UNCERTAIN and _goes(task):
            return self._delete_ours(task)
        given: dict[str, object] = {"owner": task.lease_owner}
        if expected is not None:
            given["expected"] = expected.value
        expected_too = " AND #state = :expected" if expected is not None else ""
        return self._set_state(task.key, state, now, details or {}, _OURS + expected_too, given)

    def note(self, task: Task, state: TaskState, details: Mapping[str, Any], now: datetime) -> None:
        """Add a receipt to a text's row, whoever holds it, unless a higher rank is there."""
        self._set_state(
            task.key,
            state,
            now,
            details,
            "attribute_exists(pk) AND (attribute_not_exists(#payload.#receipt_rank) "
            "OR #payload.#receipt_rank < :rank)",
            {"rank": details["receipt_rank"]},
        )

    def _set_state(
        self,
        key: RowKey,
        state: TaskState,
        now: datetime,
        details: Mapping[str, Any],
        condition: str,
        given: Mapping[str, object],
    ) -> bool:
        values = {f"d{n}": value for n, value in enumerate(details.values())}
        sets = "".join(f", #payload.#{_checked(name)} = :d{n}" for n, name in enumerate(details))
        leaves = "" if state in _OPEN else " REMOVE #due_pk, #due_sk"
        try:
            self._table.update(
                key,
                f"SET #state = :state, #changed_at = :now{sets}{leaves}",
                condition,
                state=state.value,
                now=to_rfc3339(now),
                **given,
                **values,
            )
        except ConditionFailedError as failed:
            stored = failed.item or {}
            # Ours after all: the first attempt went through and only its answer was lost.
            done = stored.get("state") == state.value and stored.get("changed_at") == to_rfc3339(
                now
            )
            return failed.answer_lost and done and stored.get("lease_owner") == given.get("owner")
        return True

    def _delete_ours(self, task: Task) -> bool:
        try:
            self._table.delete(
                task.key,
                f"{_OURS} AND attribute_not_exists(#again)",
                owner=task.lease_owner,
            )
        except ConditionFailedError as failed:
            if failed.item is None:
                return failed.answer_lost
            # Wanted once more while we worked: the row stays, and is due at once.
            return self._update_ours(task, "REMOVE #again, #lease_owner, #lease_until")
        return True

    def fail(self, task: Task, reason: str, words: str, now: datetime) -> None:
        """Park the failure with the platform's words.

        The row of a push goes in the same transaction, so that a later change is an insert again. A
        change that came while we failed is not swallowed: its row stays, and is due at once.
        """
        parked = park_task(task, reason, words, now)
        try:
            self._table.transact([parked, self._end_failed(task, reason, now)])
        except TransactionRefusedError as refused:
            if not refused.answer_lost:
                self._give_back(task, now, reason)

    def _end_failed(self, task: Task, reason: str, now: datetime) -> dict[str, Any]:
        if _goes(task):
            condition = f"{_OURS} AND #want <= :want AND attribute_not_exists(#again)"
            return delete(task.key, condition, owner=task.lease_owner, want=task.want)
        return update(
            task.key,
            "SET #state = :state, #changed_at = :now, #payload.#reason = :reason "
            "REMOVE #due_pk, #due_sk",
            _OURS,
            owner=task.lease_owner,
            state=TaskState.FAILED.value,
            now=to_rfc3339(now),
            reason=reason,
        )

    def unpark(self, parked: ParkedTask) -> None:
        """Delete the record of a failure."""
        self._table.delete(parked.key)

    def _update_ours(self, task: Task, expression: str, **values: object) -> bool:
        try:
            self._table.update(task.key, expression, _OURS, owner=task.lease_owner, **values)
        except ConditionFailedError:
            return False
        return True


def _goes(task: Task) -> bool:
    """Whether a finished row of this kind is deleted."""
    return task.kind is not TaskKind.SEND_TEXT


def _checked(name: str) -> str:
    """Return the name of a detail: it becomes part of an expression."""
    if not name.isidentifier():
        raise ValueError("a detail is named like an identifier")
    return name
