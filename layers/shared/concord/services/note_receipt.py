"""Note a delivery receipt on the row of the text that it belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.events import DeliveryReceipt
from concord.domain.metrics import Metric
from concord.domain.receipts import safe_code
from concord.domain.tasks import TaskState
from concord.ports import Clock, Tasks, Telemetry
from concord.services.consent_tasks import consent_key
from concord.services.heed_failure import HeedFailure

_OPEN: Final = frozenset({TaskState.ATTEMPTING, TaskState.UNCERTAIN, TaskState.SENT})


class NoteReceipt:
    """Receipts are idempotent and arrive in any order: the row keeps the highest rank."""

    def __init__(self, tasks: Tasks, heed: HeedFailure, clock: Clock, telemetry: Telemetry) -> None:
        self._tasks = tasks
        self._heed = heed
        self._clock = clock
        self._telemetry = telemetry

    def __call__(
        self, connection: Connection, receipt: DeliveryReceipt, received_at: datetime
    ) -> None:
        """Store what the receipt says; one whose text we do not know is only counted.

        A receipt resolves an `uncertain` text: the platform has it, so it was sent. A failure that
        says something of the number comes first, so that a repeat after a crash still does (R-07).
        """
        if not receipt.reference:
            self._telemetry.count(Metric.RECEIPT_UNMATCHED)
            return
        row = self._tasks.find_text(
            connection.merchant_id, connection.connection_id, receipt.reference
        )
        if row is None or row.state not in _OPEN:
            self._telemetry.count(Metric.RECEIPT_UNMATCHED)
            return
        if receipt.failure:
            self._heed(
                connection,
                consent_key(row),
                receipt.failure,
                reference=row.task_id,
                code=safe_code(receipt),
                occurred_at=receipt.occurred_at,
                received_at=received_at,
            )
        rank = receipt.status.rank
        if rank <= int(row.payload.get("receipt_rank", -1)):
            return
        details = {
            "receipt": receipt.status.value,
            "receipt_rank": rank,
            "receipt_code": receipt.code or "",
            "message_id": receipt.message_id or str(row.payload.get("message_id", "")),
        }
        self._tasks.note(row, TaskState.SENT, details, self._clock.now())
