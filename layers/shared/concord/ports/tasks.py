"""Task rows, and the queues that bring them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from concord.domain.evidence import ConsentKey
from concord.domain.inbox import SafetyMessage
from concord.domain.task_rows import DueRow, Finish, Lease, ParkedTask, TaskRef
from concord.domain.tasks import RowKey, Task, TaskSpec, TaskState


class Untold(Protocol):
    """Changes of consent that no peer was told of, since their account had no connection."""

    def put(self, key: ConsentKey) -> None: ...

    def of(self, merchant_id: str, account: str) -> Iterator[ConsentKey]:
        """Yield what was not told of a messaging account, read strongly."""

    def delete(self, key: ConsentKey) -> None: ...


class Tasks(Protocol):
    """Task rows under leases, and the due index."""

    def lease(self, key: RowKey, owner: str, now: datetime) -> Task | Lease:
        """Take the row if nobody holds it; counts an attempt."""

    def identify(self, key: RowKey) -> TaskRef | None:
        """Return what a row's key says, also when the row is gone. No request."""

    def extend(self, task: Task, now: datetime) -> bool:
        """Renew the lease; False if it is no longer ours."""

    def finish_push(self, task: Task, pushed_version: int) -> Finish:
        """Delete the row if the lease is ours and nothing newer than `pushed_version` is wanted."""

    def ensure(self, merchant_id: str, spec: TaskSpec, now: datetime) -> None:
        """Insert the task, or raise `want` on the row that is there."""

    def hand_on(self, task: Task, spec: TaskSpec, now: datetime) -> bool:
        """End the row and insert the once-only task that follows from it, both or neither; where
        that is there already, the row just ends. False: not ours, and nothing was inserted."""

    def mark(
        self,
        task: Task,
        state: TaskState,
        now: datetime,
        details: Mapping[str, Any] | None = None,
        *,
        expected: TaskState | None = None,
    ) -> bool:
        """Move a send row on, keeping the lease; final states leave the index. False: not ours."""

    def note(self, task: Task, state: TaskState, details: Mapping[str, Any], now: datetime) -> None:
        """Add a receipt's details (`receipt_rank` among them) without a lease; ranks only rise."""

    def retry_at(self, task: Task, next_at: datetime, error: str, *, waits: bool = False) -> bool:
        """Give the row back, due again at `next_at`; `waits` = no message is on its way till then,
        so the sweep queues it when the moment is near."""

    def fail(self, task: Task, reason: str, words: str, now: datetime) -> None:
        """Park the row among the failed, with their words; a later change starts a new row."""

    def get(self, key: RowKey) -> Task | None:
        """Read a row without taking it."""

    def find(self, merchant_id: str, spec: TaskSpec) -> Task | None:
        """Read the row that a task has while it is open, whatever its payload."""

    def find_text(self, merchant_id: str, connection_id: str, text_id: str) -> Task | None:
        """Read a text's row by the reference that its receipt carries."""

    def find_push(self, merchant_id: str, connection_id: str, push_id: str) -> Task | None:
        """Read the open push of a point's state to one platform; None = nothing is to be told."""

    def due(self, before: datetime) -> Iterator[DueRow]:
        """Yield what is due before `before`, over all shards of the index."""

    def parked(self, merchant_id: str, connection_id: str) -> Iterator[ParkedTask]:
        """Yield what was parked in the last 30 days, newest first."""

    def unpark(self, parked: ParkedTask) -> None:
        """Delete the record of a failure; one that is gone already is fine."""


class TaskQueue(Protocol):
    """The two task queues. Messages are row keys."""

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        """Queue row keys in batches; returns those that could not be queued (never raises)."""


class SafetyQueue(Protocol):
    """The inbox of last resort."""

    def put(self, message: SafetyMessage) -> None:
        """Raises StorageUnavailableError when even this cannot be reached in 0.6 s."""

    def put_off(self, receipt: str, seconds: int) -> None:
        """Hide a message that was received and could not be stored. Never raises."""
