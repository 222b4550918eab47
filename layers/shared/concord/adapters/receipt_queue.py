"""The queue of receipts, and the form of what waits in it: no phone number (R-25)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from concord.adapters.clients import client as new_client
from concord.domain.chunks import slice_reference
from concord.domain.errors import ReceiptQueueError
from concord.domain.events import DeliveryStatus, Failure
from concord.domain.identity import merchant_of
from concord.domain.receipts import QueuedReceipt, read_reference
from concord.domain.times import from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsReceiptQueue:
    """ReceiptQueue: one attempt, since the platform waits and will come again."""

    def __init__(self, url: str, client: SQSClient | None = None) -> None:
        self._url = url
        self._given = client

    @property
    def _client(self) -> SQSClient:
        if self._given is None:
            self._given = new_client("sqs", connect=0.3, read=1.0)
        return self._given

    def put(self, receipt: QueuedReceipt) -> None:
        """Queue one receipt. Raises ReceiptQueueError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=encode_receipt(receipt),
                # Standard queues share out fairly by group: one merchant's burst delays only his.
                MessageGroupId=merchant_of(receipt.connection_id),
            )
        except (ClientError, BotoCoreError):
            raise ReceiptQueueError("the receipt queue cannot be reached") from None


def encode_receipt(receipt: QueuedReceipt) -> str:
    """Return the message that carries a receipt."""
    ref, at = receipt.ref, receipt.occurred_at
    key = ref.key("", receipt.connection_id)
    message: dict[str, object] = {
        "connection_id": receipt.connection_id,
        "reference": slice_reference(key, ref.number, ref.place),
        "status": receipt.status.value,
        "received_at": to_rfc3339(receipt.received_at),
        "point_id": receipt.point_id,
        "code": receipt.code,
        "failure": receipt.failure.value if receipt.failure else "",
        "occurred_at": to_rfc3339(at) if at else "",
    }
    given = {name: value for name, value in message.items() if value != ""}
    return json.dumps(given, separators=(",", ":"))


def decode_receipt(body: Mapping[str, Any]) -> QueuedReceipt:
    """Return the receipt of a message. Raises ValueError for anything else."""
    try:
        ref, at = read_reference(body["reference"]), body.get("occurred_at")
        if ref is None:
            raise ValueError("no reference of a broadcast")
        merchant_of(body["connection_id"])
        return QueuedReceipt(
            connection_id=body["connection_id"],
            ref=ref,
            status=DeliveryStatus(body["status"]),
            received_at=from_rfc3339(body["received_at"]),
            point_id=str(body.get("point_id", "")),
            code=str(body.get("code", "")),
            failure=Failure(body["failure"]) if "failure" in body else None,
            occurred_at=from_rfc3339(at) if at else None,
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not a receipt") from None
