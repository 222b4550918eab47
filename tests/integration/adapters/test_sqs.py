"""Task queues and the safety queue over moto."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from concord.adapters.clients import client as new_client
from concord.adapters.sqs import (
    SqsSafetyQueue,
    SqsTaskQueue,
    decode_safety,
    encode_key,
    encode_safety,
)
from concord.domain.errors import StorageUnavailableError
from concord.domain.events import RawRequest
from concord.domain.inbox import RequestKind, SafetyMessage
from concord.domain.tasks import Queue, RowKey
from tests.support.builders import NOW


def keys(count: int, prefix: str = "TU", merchant: str = "shop") -> list[RowKey]:
    return [
        RowKey(f"{prefix}#{merchant}#push_consent#{merchant}.c#{n}", "TASK") for n in range(count)
    ]


class Sqs:
    """A client that refuses chosen entries, as often as asked."""

    def __init__(self, refuse: dict[str, int] | None = None, error: Exception | None = None):
        self.refuse = refuse or {}
        self.error = error
        self.batches: list[list[dict[str, Any]]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.batches.append(Entries)
        if self.error:
            raise self.error
        failed = []
        for entry in Entries:
            if self.refuse.get(entry["MessageBody"], 0) > 0:
                self.refuse[entry["MessageBody"]] -= 1
                failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
        return {"Failed": failed}


def queue(client: Any) -> SqsTaskQueue:
    urls = {Queue.URGENT: "urgent", Queue.BULK: "bulk"}
    return SqsTaskQueue(urls.__getitem__, client, sleep=lambda _: None)


class TestTaskQueue:
    """Batches of ten; failures stand inside a 200 answer."""

    def test_rows_reach_the_queue_of_their_prefix(self, moto_aws: None) -> None:
        """TEA-11: two queues, so that an export never delays an opt-out."""
        sqs = new_client("sqs", connect=0.5, read=2)
        urls = {q: sqs.create_queue(QueueName=q.value)["QueueUrl"] for q in Queue}
        urgent, bulk = keys(23), [*keys(2, "TB"), RowKey("C#shop#tea:1#sms#v1.a", "STATE")]
        plan, send, night = keys(3, "TP"), keys(4, "TS"), keys(5, "TN")
        rows = {
            Queue.URGENT: urgent,
            Queue.BULK: bulk,
            Queue.PLAN: plan,
            Queue.SEND: send,
            Queue.NIGHT: night,
        }
        every = [key for of_one in rows.values() for key in of_one]
        assert SqsTaskQueue(urls.__getitem__, sqs).send(every) == []
        for name, expected in rows.items():
            got = []
            while batch := sqs.receive_message(
                QueueUrl=urls[name], MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
            ).get("Messages"):
                got += [RowKey(**json.loads(message["Body"])) for message in batch]
                assert {m["Attributes"]["MessageGroupId"] for m in batch} == {"shop"}
            assert sorted(got, key=str) == sorted(expected, key=str)

    def test_batches_hold_ten(self) -> None:
        client = Sqs()
        assert queue(client).send(keys(23), delay_seconds=5) == []
        assert [len(batch) for batch in client.batches] == [10, 10, 3]
        assert {entry["DelaySeconds"] for batch in client.batches for entry in batch} == {5}

    @pytest.mark.parametrize(("asked", "sent"), [(901, 900), (-1, 0)])
    def test_a_delay_stays_in_what_sqs_allows(self, asked: int, sent: int) -> None:
        client = Sqs()
        queue(client).send(keys(1), delay_seconds=asked)
        assert client.batches[0][0]["DelaySeconds"] == sent

    @pytest.mark.parametrize("bad", range(11))
    def test_what_failed_is_sent_again_and_nothing_else(self, bad: int) -> None:
        """Reliability 15: k bad entries of ten, k = 0..10."""
        rows = keys(10)
        client = Sqs({encode_key(row): 1 for row in rows[:bad]})
        assert queue(client).send(rows) == []
        again = client.batches[1:]
        assert [len(batch) for batch in again] == ([bad] if bad else [])

    @pytest.mark.parametrize("bad", range(11))
    def test_what_keeps_failing_is_returned(self, bad: int) -> None:
        """Reliability 15: exactly k returned."""
        rows = keys(10)
        client = Sqs({encode_key(row): 99 for row in rows[:bad]})
        assert queue(client).send(rows) == rows[:bad]
        assert len(client.batches) == (3 if bad else 1)

    def test_a_queue_that_cannot_be_reached_raises_nothing(self) -> None:
        client = Sqs(error=EndpointConnectionError(endpoint_url="http://queue"))
        rows = keys(12)
        assert queue(client).send(rows) == rows


texts = st.text(st.characters(codec="utf-8"))
requests = st.builds(
    RawRequest,
    method=texts,
    headers=st.dictionaries(texts, texts),
    body=st.binary(),
    received_at=st.just(NOW),
    url=texts,
    query=st.lists(st.tuples(texts, texts)).map(tuple),
    source_ip=texts,
)
messages = st.builds(
    SafetyMessage,
    kind=st.sampled_from(RequestKind),
    connection_id=texts,
    request=requests,
    verified=st.booleans(),
    platform=texts,
    topic=texts,
    credential_hash=texts,
)


class TestSafetyQueue:
    """The inbox of last resort."""

    @given(messages)
    def test_every_request_survives_byte_by_byte(self, message: SafetyMessage) -> None:
        """TEA-22: signatures are checked later over the same bytes."""
        assert decode_safety(encode_safety(message)) == message

    def test_a_body_of_256_kilobytes_fits(self) -> None:
        """Reliability 10: SQS takes 1 MiB."""
        request = RawRequest("POST", {"a": "b" * 8000}, b"\xff" * 256 * 1024, NOW)
        assert (
            len(encode_safety(SafetyMessage(RequestKind.WEBHOOK, "c", request, True))) < 1024 * 1024
        )

    @pytest.mark.parametrize("odd", ["", "[]", "{}", "null", '{"kind":"x","request":1}', "{"])
    def test_what_is_no_safety_message_is_told(self, odd: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - JSON errors are of many texts
            decode_safety(odd)

    def test_a_kind_that_nobody_applies_is_no_safety_message(self) -> None:
        """TEA-22: it ends in the dead-letter queue, and is not taken for a Connect call."""
        request = RawRequest("POST", {}, b"{}", NOW)
        sent = encode_safety(SafetyMessage(RequestKind.CONNECT, "shop.a", request, True))
        with pytest.raises(ValueError, match="carrier pigeon"):
            decode_safety(sent.replace('"connect"', '"carrier pigeon"'))

    def test_it_is_stored(self, moto_aws: None) -> None:
        sqs = new_client("sqs", connect=0.2, read=0.4)
        url = sqs.create_queue(QueueName="safety")["QueueUrl"]
        message = SafetyMessage(
            RequestKind.CONNECT, "shop.a", RawRequest("POST", {}, b"\x00", NOW), False
        )
        SqsSafetyQueue(url, sqs).put(message)
        (stored,) = sqs.receive_message(QueueUrl=url)["Messages"]
        assert decode_safety(stored["Body"]) == message
        assert json.loads(stored["Body"])["request"]["body"] == "AA=="

    def test_when_even_it_is_away_that_is_said(self, moto_aws: None) -> None:
        sqs = new_client("sqs", connect=0.2, read=0.4)
        queue = SqsSafetyQueue("https://sqs.eu-central-1.amazonaws.com/123456789012/none", sqs)
        message = SafetyMessage(
            RequestKind.WEBHOOK, "shop.a", RawRequest("POST", {}, b"", NOW), True
        )
        with pytest.raises(StorageUnavailableError) as away:
            queue.put(message)
        assert away.value.__suppress_context__

    def test_a_message_that_is_put_off_comes_back_no_sooner(self, moto_aws: None) -> None:
        """The rescue's wait replaces the queue's own, shorter or longer."""
        sqs = new_client("sqs", connect=0.2, read=0.4)
        url = sqs.create_queue(QueueName="safety", Attributes={"VisibilityTimeout": "0"})
        queue = SqsSafetyQueue(url["QueueUrl"], sqs)
        sqs.send_message(QueueUrl=url["QueueUrl"], MessageBody="{}")
        (message,) = sqs.receive_message(QueueUrl=url["QueueUrl"])["Messages"]

        queue.put_off(message["ReceiptHandle"], 1800)
        assert "Messages" not in sqs.receive_message(QueueUrl=url["QueueUrl"])
        queue.put_off(message["ReceiptHandle"], 0)
        assert sqs.receive_message(QueueUrl=url["QueueUrl"])["Messages"]

    def test_one_that_cannot_be_put_off_waits_as_the_queue_says(self, moto_aws: None) -> None:
        """Never raises: a receipt that is no longer good, or a queue that is away."""
        sqs = new_client("sqs", connect=0.2, read=0.4)
        url = sqs.create_queue(QueueName="safety")["QueueUrl"]
        SqsSafetyQueue(url, sqs).put_off("no receipt of this queue", 30)
        away = "https://sqs.eu-central-1.amazonaws.com/123456789012/none"
        SqsSafetyQueue(away, sqs).put_off("receipt", 30)

    def test_its_client_gives_up_after_six_tenths_of_a_second(self, moto_aws: None) -> None:
        """Rules, The answer path: 0.6 s for the safety queue."""
        config = SqsSafetyQueue("x")._client.meta.config
        assert config.connect_timeout + config.read_timeout == pytest.approx(0.6)
        assert config.retries == {"mode": "standard", "total_max_attempts": 1}
