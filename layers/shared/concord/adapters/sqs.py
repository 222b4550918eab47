"""The task queues, and the safety queue with the form of what waits in it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from concord.adapters.clients import client as new_client
from concord.adapters.dynamodb.keys import merchant_in
from concord.adapters.dynamodb.task_keys import comes_second, queue_of
from concord.domain.errors import StorageUnavailableError
from concord.domain.events import RawRequest
from concord.domain.inbox import RequestKind, SafetyMessage
from concord.domain.tasks import Queue, RowKey
from concord.domain.times import from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_BATCH: Final = 10
_ROUNDS: Final = 3
_PAUSE: Final = 0.1
_LONGEST_DELAY: Final = 900
_DEPTH_KNOWN_FOR: Final = 1.0
_DEPTHS: Final[Sequence[QueueAttributeNameType]] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


# --- task queues -----------------------------------------------------------------------------


class SqsTaskQueue:
    """TaskQueue over all of them: the key's prefix says which. `url_of` is asked at first use: a
    function has the URLs of those queues only that it sends to."""

    def __init__(
        self,
        url_of: Callable[[Queue], str],
        client: SQSClient | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url_of = url_of
        self._given = client
        self._sleep = sleep

    @property
    def _client(self) -> SQSClient:
        if self._given is None:
            self._given = new_client("sqs", connect=0.5, read=2.0)
        return self._given

    def send(self, keys: Sequence[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        """Queue row keys in batches of 10, texts ahead; return those that could not be queued.

        Never raises.
        """
        delay = max(0, min(delay_seconds, _LONGEST_DELAY))
        left: list[RowKey] = []
        for queue in Queue:
            mine = sorted((key for key in keys if queue_of(key) is queue), key=comes_second)
            for batch in batched(mine, _BATCH, strict=False):
                left += self._send_batch(self._url_of(queue), batch, delay)
        return left

    def _send_batch(self, url: str, batch: Sequence[RowKey], delay: int) -> list[RowKey]:
        """Send one batch, and again what failed in it: failures stand inside a 200 answer."""
        left = dict(enumerate(batch))
        for attempt in range(_ROUNDS):
            if attempt:
                self._sleep(_PAUSE * attempt)
            refused = self._try_batch(url, left, delay)
            left = {number: left[number] for number in left if number in refused}
            if not left:
                break
        return list(left.values())

    def _try_batch(self, url: str, entries: Mapping[int, RowKey], delay: int) -> set[int]:
        from botocore.exceptions import BotoCoreError, ClientError

        messages = [_entry(number, key, delay) for number, key in entries.items()]
        try:
            answer = self._client.send_message_batch(QueueUrl=url, Entries=messages)
        except (ClientError, BotoCoreError):
            return set(entries)
        return {int(failure["Id"]) for failure in answer.get("Failed", [])}


def encode_key(key: RowKey) -> str:
    """Return the message that carries a row key."""
    return json.dumps({"pk": key.pk, "sk": key.sk}, separators=(",", ":"))


def _entry(number: int, key: RowKey, delay: int) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": str(number),
        "MessageBody": encode_key(key),
        "DelaySeconds": delay,
        # Standard queues share out fairly by group: one merchant's backlog delays only his own.
        "MessageGroupId": merchant_in(key),
    }


# --- safety queue ----------------------------------------------------------------------------


class SqsSafetyQueue:
    """SafetyQueue: one attempt, 0.6 s in all, since somebody waits for the answer."""

    def __init__(self, url: str, client: SQSClient | None = None) -> None:
        self._url = url
        self._given = client

    @property
    def _client(self) -> SQSClient:
        if self._given is None:
            self._given = new_client("sqs", connect=0.2, read=0.4)
        return self._given

    def put(self, message: SafetyMessage) -> None:
        """Keep a request. Raises StorageUnavailableError when even this cannot be reached."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=encode_safety(message))
        except (ClientError, BotoCoreError):
            raise StorageUnavailableError("the safety queue cannot be reached") from None

    def put_off(self, receipt: str, seconds: int) -> None:
        """Hide a received message for `seconds`; failing that, the queue's own visibility holds."""
        from botocore.exceptions import BotoCoreError, ClientError

        with suppress(ClientError, BotoCoreError):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )


class SqsSafetyDepth:
    """SafetyDepth: the queue's own figures, asked at most once a second."""

    def __init__(
        self,
        url: str,
        client: SQSClient | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._given = client
        self._monotonic = monotonic
        self._known: tuple[float, bool] | None = None

    def holds(self) -> bool:
        """Return whether anything waits there, be it hidden for a while. Not knowing counts as yes:
        whoever cannot ask must not text somebody whose STOP may lie there."""
        now = self._monotonic()
        if self._known is None or now - self._known[0] > _DEPTH_KNOWN_FOR:
            self._known = (now, self._ask())
        return self._known[1]

    def _ask(self) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        if self._given is None:
            self._given = new_client("sqs", connect=0.5, read=2.0)
        try:
            answer = self._given.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=list(_DEPTHS)
            )
        except (ClientError, BotoCoreError):
            return True
        found = answer.get("Attributes", {})
        return any(int(found.get(name, 1)) for name in _DEPTHS)


def encode_safety(message: SafetyMessage) -> str:
    """Return a safety message as JSON, without the sender's key; the body is in base64.

    Who let the request in is known by `credential_hash`. The URL is there if the service left it.
    """
    request = message.request.to_keep(with_url=True)
    return json.dumps(
        {
            "kind": message.kind.value,
            "connection_id": message.connection_id,
            "verified": message.verified,
            "platform": message.platform,
            "topic": message.topic,
            "credential_hash": message.credential_hash,
            "request": {
                "method": request.method,
                "headers": dict(request.headers),
                "body": base64.b64encode(request.body).decode(),
                "received_at": to_rfc3339(request.received_at),
                "url": request.url,
                "query": [list(pair) for pair in request.query],
                "source_ip": request.source_ip,
            },
        },
        separators=(",", ":"),
    )


def decode_safety(body: str) -> SafetyMessage:
    """Return the safety message of a queue message. Raises ValueError for anything else."""
    try:
        data = json.loads(body)
        return SafetyMessage(
            kind=RequestKind(data["kind"]),
            connection_id=str(data["connection_id"]),
            request=_request(data["request"]),
            verified=data["verified"] is True,
            platform=str(data["platform"]),
            topic=str(data["topic"]),
            credential_hash=str(data["credential_hash"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not a safety message") from None


def _request(data: Mapping[str, Any]) -> RawRequest:
    return RawRequest(
        method=str(data["method"]),
        headers={str(name): str(value) for name, value in data["headers"].items()},
        body=base64.b64decode(data["body"], validate=True),
        received_at=from_rfc3339(data["received_at"]),
        url=str(data["url"]),
        query=tuple(_pairs(data["query"])),
        source_ip=str(data["source_ip"]),
    )


def _pairs(query: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    for name, value in query:
        yield str(name), str(value)
