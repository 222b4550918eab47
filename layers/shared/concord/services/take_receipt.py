"""Take a delivery receipt: of an ordinary text to its row, of a broadcast's to the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from concord.domain.connection import Connection
from concord.domain.errors import InvalidInputError
from concord.domain.events import DeliveryReceipt
from concord.domain.identity import Channel, point_id
from concord.domain.metrics import Metric
from concord.domain.phone import normalise_phone
from concord.domain.receipts import QueuedReceipt, SliceRef, read_reference, safe_code
from concord.ports import ReceiptQueue, Telemetry
from concord.services.authenticate import Authenticated
from concord.services.note_receipt import NoteReceipt

type MergeNow = Callable[[QueuedReceipt], None]


class TakeReceipt:
    """Receipts of a broadcast come by the thousand: they are queued here and merged in batches.

    What is replayed from the inbox comes one by one, from functions without that queue: it is
    merged at once. Both adapters are asked for when they are first needed.
    """

    def __init__(
        self,
        note: NoteReceipt,
        queue: Callable[[], ReceiptQueue],
        merge_now: Callable[[], MergeNow],
        telemetry: Telemetry,
    ) -> None:
        self._note = note
        self._queue = queue
        self._merge_now = merge_now
        self._telemetry = telemetry

    def __call__(
        self,
        opened: Authenticated,
        receipt: DeliveryReceipt,
        received_at: datetime,
        *,
        replayed: bool = False,
    ) -> None:
        """Note or queue it. Raises ReceiptQueueError, and StorageError for an ordinary text's."""
        ref = read_reference(receipt.reference)
        if ref is None:
            self._note(opened.connection, receipt, received_at)
            return
        queued = _queued(opened, ref, receipt, received_at)
        if queued is None:
            self._telemetry.count(Metric.RECEIPT_UNMATCHED)
        elif replayed:
            self._merge_now()(queued)
        else:
            self._queue().put(queued)


def _queued(
    opened: Authenticated, ref: SliceRef, receipt: DeliveryReceipt, received_at: datetime
) -> QueuedReceipt | None:
    """Return the receipt as it may wait; None where nothing tells whose of the call's it is."""
    point = _point(opened, receipt.to) if ref.place is None else ""
    if ref.place is None and not point:
        return None
    return QueuedReceipt(
        connection_id=opened.connection.connection_id,
        ref=ref,
        status=receipt.status,
        received_at=received_at,
        point_id=point,
        code=safe_code(receipt),
        failure=receipt.failure,
        occurred_at=receipt.occurred_at,
    )


def _point(opened: Authenticated, to: str | None) -> str:
    connection: Connection = opened.connection
    try:
        number = normalise_phone(to or "", connection.country, "to")
    except InvalidInputError:
        return ""
    return point_id(opened.secrets.stack_key, connection.merchant_id, Channel.SMS, number)
