"""What is kept of receipts, and what waits in their queue."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.capacity import Change, write_units
from concord.adapters.dynamodb import receipts as stored
from concord.adapters.dynamodb.marshal import to_item
from concord.adapters.dynamodb.receipts import DynamoDbReceipts
from concord.adapters.dynamodb.table import Table
from concord.adapters.receipt_queue import SqsReceiptQueue, decode_receipt, encode_receipt
from concord.domain.chunks import ChunkKey
from concord.domain.errors import ReceiptQueueError
from concord.domain.events import DeliveryStatus, Failure
from concord.domain.receipts import QueuedReceipt, SliceReceipts, SliceRef, Told

KEY = ChunkKey("m1", "m1.c1", "20261122t090000-0a1b2c3d", "000001")
T0 = datetime(2026, 11, 22, 9, tzinfo=UTC)
_chunks = itertools.count()
everything = st.dictionaries(
    st.integers(0, 999),
    st.sampled_from(DeliveryStatus).flatmap(
        lambda status: st.builds(
            Told,
            st.just(status),
            st.sampled_from(["", "30003", "x"]) if status is DeliveryStatus.FAILED else st.just(""),
        )
    ),
    max_size=40,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(everything, st.integers(0, 9999))
def test_everything_told_survives_storage(table: Table, told: dict[int, Told], number: int) -> None:
    """R-15: rank and code of each place; a row of a first version stands alone."""
    receipts = DynamoDbReceipts(table)
    key = replace(KEY, chunk=f"{next(_chunks)}")
    assert receipts.put(SliceReceipts(key, number, told))
    assert receipts.get(key, number) == SliceReceipts(key, number, told, 1)


def test_a_row_is_written_on_the_version_that_was_read(table: Table) -> None:
    """R-15: of two that read the same, one writes."""
    receipts = DynamoDbReceipts(table)
    first = SliceReceipts(KEY, 2, {0: Told(DeliveryStatus.SENT)})
    assert receipts.put(first)
    assert not receipts.put(first)
    known = receipts.get(KEY, 2)
    assert known is not None
    later = known.merge([(1, Told(DeliveryStatus.DELIVERED))])
    assert receipts.put(later)
    assert not receipts.put(later)
    assert receipts.get(KEY, 2) == replace(later, version=2)


def test_rows_are_found_by_chunk_and_by_broadcast(table: Table) -> None:
    """R-15: a chunk's name begins another's, and one connection sees nothing of another (R-32)."""
    receipts = DynamoDbReceipts(table)
    put_off = replace(KEY, chunk="000001-0000-q20261123t1300")
    others = [
        replace(KEY, connection_id="m1.c2"),
        replace(KEY, broadcast_id="20261122t090001-0a1b2c3d"),
    ]
    told = {3: Told(DeliveryStatus.FAILED, "30005")}
    for key in (KEY, put_off, *others):
        for number in (10, 2):
            assert receipts.put(SliceReceipts(key, number, told))
    of_chunk = [SliceReceipts(KEY, number, told, 1) for number in (2, 10)]
    of_rest = [SliceReceipts(put_off, number, told, 1) for number in (2, 10)]
    assert list(receipts.of_chunk(KEY)) == of_chunk
    assert list(receipts.of(KEY.merchant_id, KEY.connection_id, KEY.broadcast_id)) == [
        *of_chunk,
        *of_rest,
    ]


def test_a_whole_bulk_call_fits_into_one_unit() -> None:
    """R-15: a thousand recipients, a tenth of them failed."""
    told = {
        place: Told(DeliveryStatus.FAILED, "30005")
        if place % 10 == 0
        else Told(DeliveryStatus.DELIVERED)
        for place in range(1000)
    }
    item = {"pk": "BR#" + "m" * 60, "sk": "000001#0000", "version": 9, **stored._packed(told)}
    assert write_units([Change(None, to_item(item))]) == 1


receipts = st.builds(
    QueuedReceipt,
    connection_id=st.just("m1.c1"),
    ref=st.builds(
        SliceRef,
        st.just(KEY.broadcast_id),
        st.just(KEY.chunk),
        st.integers(0, 9999),
        st.none() | st.integers(0, 999),
    ),
    status=st.sampled_from(DeliveryStatus),
    received_at=st.just(T0),
    point_id=st.sampled_from(["", "v1." + "0" * 64]),
    code=st.sampled_from(["", "30005"]),
    failure=st.none() | st.sampled_from(Failure),
    occurred_at=st.none() | st.just(T0 - timedelta(seconds=3)),
)


@given(receipts)
def test_a_message_is_read_back(receipt: QueuedReceipt) -> None:
    """R-15: all that a receipt says."""
    assert decode_receipt(json.loads(encode_receipt(receipt))) == receipt


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reference": 7},
        {"reference": "x", "connection_id": "m1.c1"},
        {
            "reference": "20261122t090000-0a1b2c3d.000001.2",
            "connection_id": "../m1",
            "status": "sent",
            "received_at": "2026-11-22T09:00:00Z",
        },
        {
            "reference": "20261122t090000-0a1b2c3d.000001.2",
            "connection_id": "m1.c1",
            "status": "odd",
            "received_at": "2026-11-22T09:00:00Z",
        },
    ],
)
def test_anything_else_is_no_receipt(body: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode_receipt(body)


@pytest.mark.usefixtures("moto_aws")
def test_a_queue_that_is_gone_is_said_so() -> None:
    """R-15: the platform is to come again."""
    url = boto3.client("sqs").create_queue(QueueName="r")["QueueUrl"]
    receipt = QueuedReceipt(
        "m1.c1", SliceRef(KEY.broadcast_id, KEY.chunk, 2, 1), DeliveryStatus.SENT, T0
    )
    SqsReceiptQueue(url).put(receipt)
    (message,) = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert decode_receipt(json.loads(message["Body"])) == receipt
    with pytest.raises(ReceiptQueueError):
        SqsReceiptQueue(url + "-gone").put(receipt)
