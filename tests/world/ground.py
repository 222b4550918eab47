"""What stands under the world: moto's table and queues, and the stream that moto has not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3

from concord.adapters.dynamodb.marshal import from_item
from tests.support.tables import schema


class Ground:
    """The table and the queues."""

    def __init__(self, table: str, account: str, queues: Sequence[str]) -> None:
        self.dynamodb = boto3.client("dynamodb")
        self.sqs = boto3.client("sqs")
        self.urls = {name: self._make_queue(name) for name in queues}
        self._stored = (table, account)
        self._seen: dict[tuple[str, str], Any] = {}
        self.dynamodb.create_table(TableName=table, **schema())

    def _make_queue(self, name: str) -> str:
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})
        os.environ[f"{name.upper()}_QUEUE_URL"] = url["QueueUrl"]
        return str(url["QueueUrl"])

    # --- the table and its stream ------------------------------------------------------------

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return all items whose pk begins with `prefix` (a test looks at the whole table)."""
        # From moto's memory: a Scan through its API takes half of a walk's time.
        stored = self._table().all_items()
        found = [i.to_json()["Attributes"] for i in stored if i.hash_key.value.startswith(prefix)]
        return [dict(from_item(item)) for item in found]

    def kept(self) -> Any:
        """Return what the table holds, for `back_to`."""
        return _copy(self._table().items), dict(self._seen)

    def back_to(self, kept: Any) -> None:
        """Forget what was written since; moto looks at every row for a query or a transaction."""
        items, seen = kept
        self._table().items, self._seen = _copy(items), dict(seen)

    def inserted(self) -> list[dict[str, Any]]:
        """Return the stream's new records, filtered as the template filters them: tasks.

        moto has no streams, so rows are compared with those of the last look. A row that was
        deleted and written again has another `created_at`.
        """
        now = {(r["pk"], r["sk"]): r.get("created_at") for r in self.rows("T")}
        new = [key for key, created in now.items() if self._seen.get(key, ()) != created]
        self._seen = now
        records = [
            {
                "eventName": "INSERT",
                "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": str(n)},
            }
            for n, (pk, sk) in enumerate(new)
        ]
        return [record for record in records if _passes_filter(record)]

    def _table(self) -> Any:
        from moto.dynamodb.models import dynamodb_backends

        table, account = self._stored
        return dynamodb_backends[account]["us-east-1"].tables[table]

    # --- the queues --------------------------------------------------------------------------

    def take(self, name: str) -> Iterator[Any]:
        """Receive all that is visible in a queue; each is put `back` or is `gone` for good."""
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.urls[name], MaxNumberOfMessages=10, AttributeNames=["All"]
            )
            if not answer.get("Messages"):
                return
            yield from answer["Messages"]

    def gone(self, name: str, message: Mapping[str, Any]) -> None:
        """Delete a message that was received."""
        self.sqs.delete_message(QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"])

    def back(self, name: str, message: Mapping[str, Any]) -> None:
        """Make a message that was received visible at once."""
        self.sqs.change_message_visibility(
            QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _passes_filter(record: Mapping[str, Any]) -> bool:
    """Apply the filter of template.yaml: inserted task rows only."""
    key = record["dynamodb"]["Keys"]["pk"]["S"]
    return bool(record["eventName"] == "INSERT") and str(key).startswith(
        ("TU#", "TB#", "TP#", "TS#", "TN#")
    )


def _copy(items: Any) -> Any:
    """Copy moto's partitions; its items are replaced and never changed (support/quick_moto.py)."""
    copied = items.copy()
    for key, partition in items.items():
        copied[key] = partition.copy()
    return copied
