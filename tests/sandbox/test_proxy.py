"""The fault proxy: unchanged requests, AWS-shaped failures, lost answers."""

import asyncio
import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.drop import ConnectionDroppedError
from sandbox.faults import Fault, FaultBook
from sandbox.proxy import FaultProxy

SCOPE = "AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/{}/aws4_request, SignedHeaders=host"


class Emulator:
    """Stands behind the proxy and remembers what it was sent."""

    def __init__(self) -> None:
        self.received: list[httpx.Request] = []
        self.faults = FaultBook()
        transport = httpx.MockTransport(self._take)
        self.proxy = FaultProxy("http://emulator.test:4566", self.faults, transport)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        return httpx.Response(
            200, headers={"x-amz-crc32": "1"}, stream=httpx.ByteStream(b'{"done":true}')
        )

    def call(
        self,
        operation: str,
        body: Any = None,
        service: str = "dynamodb",
        path: str = "/",
    ) -> httpx.Response:
        headers = {
            "Host": "dynamodb.us-east-1.amazonaws.com",
            "Authorization": SCOPE.format(service),
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
        }

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.proxy)
            async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
                return await client.post(path, headers=headers, content=json.dumps(body or {}))

        return asyncio.run(run())

    def fault(self, **fields: Any) -> None:
        self.faults.add(Fault(**fields))


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def test_a_request_arrives_as_it_was_signed(emulator: Emulator) -> None:
    answer = emulator.call("PutItem", {"a": 1}, path="/a%2Fb?x=%20y")

    [request] = emulator.received
    assert (answer.status_code, answer.json()) == (200, {"done": True})
    assert answer.headers["x-amz-crc32"] == "1"
    assert request.url.raw_path == b"/a%2Fb?x=%20y"
    assert (request.url.host, request.url.port) == ("emulator.test", 4566)
    assert request.headers["host"] == "dynamodb.us-east-1.amazonaws.com"
    assert request.headers["authorization"] == SCOPE.format("dynamodb")
    assert request.content == b'{"a": 1}'


def test_a_fault_hits_its_service_and_operation_alone(emulator: Emulator) -> None:
    emulator.fault(platform="dynamodb", path="PutItem", status=500, times=1)
    emulator.fault(platform="sqs", status=503)

    assert emulator.call("GetItem").status_code == 200
    failed = emulator.call("PutItem")
    assert emulator.call("PutItem").status_code == 200
    assert emulator.call("SendMessage", service="sqs").status_code == 503

    assert failed.status_code == 500
    assert failed.json()["__type"].endswith("#InternalServerError")
    assert len(emulator.received) == 2, "a failed call never reaches the emulator"


def test_a_lost_answer_keeps_the_effect(emulator: Emulator) -> None:
    emulator.fault(platform="dynamodb", lose_answer=True, times=1)

    with pytest.raises(ConnectionDroppedError):
        emulator.call("PutItem")

    assert len(emulator.received) == 1


def test_a_dropped_connection_reaches_nobody(emulator: Emulator) -> None:
    emulator.fault(platform="dynamodb", status=0, times=1)

    with pytest.raises(ConnectionDroppedError):
        emulator.call("PutItem")

    assert emulator.received == []


def test_throttling_is_the_default_400(emulator: Emulator) -> None:
    emulator.fault(platform="dynamodb", status=400, code="ProvisionedThroughputExceededException")
    assert (
        emulator.call("Query").json()["__type"].endswith("#ProvisionedThroughputExceededException")
    )
    emulator.faults.clear()
    emulator.fault(platform="dynamodb", status=400)
    assert emulator.call("Query").json()["__type"].endswith("#ThrottlingException")


def test_a_transaction_conflict_names_the_item(emulator: Emulator) -> None:
    emulator.fault(platform="dynamodb", status=400, code="TransactionConflict")

    cancelled = emulator.call("TransactWriteItems", {"TransactItems": [{}, {}, {}]}).json()
    single = emulator.call("PutItem").json()

    assert cancelled["__type"].endswith("#TransactionCanceledException")
    codes = [reason["Code"] for reason in cancelled["CancellationReasons"]]
    assert codes == ["TransactionConflict", "None", "None"]
    assert single["__type"].endswith("#TransactionConflictException")


def test_botocore_reads_the_failure(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The body that the proxy makes up is one that the SDK understands."""
    emulator.fault(platform="dynamodb", status=400, code="TransactionConflict")
    items = [{"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}}}}]
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def answer(request: Any, **_: Any) -> Any:
        made = emulator.call("TransactWriteItems", json.loads(request.body))
        raw = type("Raw", (), {"stream": lambda self: iter([made.content])})()
        return AWSResponse(request.url, made.status_code, dict(made.headers), raw)

    client.meta.events.register("before-send.dynamodb", answer)
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=items)

    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert caught.value.response["CancellationReasons"][0]["Code"] == "TransactionConflict"
