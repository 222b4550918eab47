"""What can be read of task rows without taking one, and of the due index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from concord.adapters.dynamodb import task_keys
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.task_items import parked_from, task_from, task_key
from concord.domain.task_rows import DueRow, ParkedTask, TaskRef
from concord.domain.tasks import RowKey, Task, TaskKind, TaskSpec


class DynamoDbTaskReads:
    """The reading half of Tasks. A row is unfinished as long as it stands in the due index."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: RowKey) -> Task | None:
        """Read a row without taking it."""
        item = self._table.get(key)
        return task_from(item) if item else None

    def identify(self, key: RowKey) -> TaskRef | None:
        """Return what a row's key says, also when the row is gone. No request."""
        return task_keys.read_task(key)

    def find(self, merchant_id: str, spec: TaskSpec) -> Task | None:
        """Read the row that a task has while it is open."""
        return self.get(task_key(merchant_id, spec))

    def find_text(self, merchant_id: str, connection_id: str, text_id: str) -> Task | None:
        """Read a text's row by its reference."""
        return self.get(task_keys.task(merchant_id, TaskKind.SEND_TEXT, connection_id, text_id))

    def find_push(self, merchant_id: str, connection_id: str, push_id: str) -> Task | None:
        """Read the open push of a point's state to one platform."""
        return self.get(task_keys.task(merchant_id, TaskKind.PUSH_CONSENT, connection_id, push_id))

    def due(self, before: datetime) -> Iterator[DueRow]:
        """Yield what is due before `before`, shard by shard, each shard oldest first."""
        for shard in range(task_keys.DUE_SHARDS):
            for item in self._table.query(
                "due_pk = :due_pk AND due_sk < :before",
                index="due",
                due_pk=task_keys.due_shard(shard),
                before=task_keys.due_before(before),
            ):
                yield task_keys.read_due_sk(RowKey(item["pk"], item["sk"]), item["due_sk"])

    def parked(self, merchant_id: str, connection_id: str) -> Iterator[ParkedTask]:
        """Yield what was parked, newest first."""
        for item in self._table.query(
            "pk = :pk", newest_first=True, pk=task_keys.failed_pk(merchant_id, connection_id)
        ):
            yield parked_from(merchant_id, connection_id, item)
