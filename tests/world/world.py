"""World: moto's AWS, our handlers, the sandbox, and a pump that plays streams and queues."""

from __future__ import annotations

import base64
import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast
from unittest.mock import patch

import boto3
import httpx
from moto import mock_aws

from concord import bootstrap
from concord.adapters import sqs
from concord.adapters.dynamodb import table
from concord.entrypoint import http
from concord.entrypoint.observability import TELEMETRY
from tests.sandbox.harness import BASE as SANDBOX
from tests.sandbox.harness import Sandbox
from tests.support import quick_moto
from tests.support.canaries import SECRET
from tests.world.clock import SetClock
from tests.world.events import BASE_URL, LambdaContext, api_event, schedule_event, sqs_event

if TYPE_CHECKING:
    from tests.world.shop import Shop

TABLE = "concord-test"
PREFIX = "/concord/test"
ACCOUNT = "123456789012"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "TABLE_NAME": TABLE,
    "PARAMETER_PREFIX": PREFIX,
    "PUBLIC_BASE_URL": BASE_URL,
    "ALLOWED_HOSTS": "sandbox.test",
    "ALLOW_PRIVATE_HOSTS": "true",
    "OPERATOR_ARNS": "*",
    "POWERTOOLS_METRICS_NAMESPACE": "Concord",
    "POWERTOOLS_SERVICE_NAME": "Test",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
_PATIENT: Final = 50.0
_PUMPED = ("urgent", "bulk", "plan", "send", "night")
_QUEUES = (
    "urgent",
    "bulk",
    "plan",
    "send",
    "night",
    "receipt",
    "safety",
    "aws_inbound",
    "stream_failures",
)


class SandboxTransport(httpx.BaseTransport):
    """Carries our adapters' requests into the sandbox app."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        answer = self._sandbox.call(
            request.method, str(request.url), content=body, headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class SandboxHttp:
    """Stands in for the guarded client: what it guards is proved elsewhere."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self.transport = transport

    def client(self, base_url: str) -> httpx.Client:
        return httpx.Client(base_url=base_url, transport=self.transport)


class World:
    """Everything, in one process. Made by `world()`."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.patience = _PATIENT
        self.sandbox = Sandbox()
        self.sandbox.answer = self._answer_sandbox
        self.http = SandboxHttp(SandboxTransport(self.sandbox))
        self.dynamodb = boto3.client("dynamodb")
        self.sqs = boto3.client("sqs")
        self.urls = {name: self._make_queue(name) for name in _QUEUES}
        self._make_table()
        self._make_keys()
        self._seen: dict[tuple[str, str], Any] = {}
        self.cold()

    # --- processes ---------------------------------------------------------------------------

    def cold(self) -> None:
        """Start every function anew: empty caches, no clients."""
        from concord.platforms.registry import PlatformRegistry

        bootstrap.forget()
        parts = bootstrap.services(TELEMETRY).parts
        parts.clock = self.clock
        parts.sleeper = self.clock
        parts.__dict__["platforms"] = PlatformRegistry(
            ("sandbox.test",), allow_private=True, http=self.http
        )

    @property
    def parts(self) -> bootstrap.Parts:
        """Return the adapters and services of the running process."""
        return bootstrap.services(TELEMETRY).parts

    def back_off(self, seconds: float) -> None:
        """Wait between two attempts, if this test is about time: others only lose it."""
        if self.patience < _PATIENT:
            time.sleep(seconds)

    # --- functions ---------------------------------------------------------------------------

    def receive(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """POST to a webhook."""
        from functions.webhooks.receive import lambda_handler

        return lambda_handler(api_event("POST", path, body=body, headers=headers), LambdaContext())

    def connect(self, method: str, path: str, key: str, body: Any = None) -> dict[str, Any]:
        """Call the Connect API."""
        from functions.connect.app import lambda_handler

        headers = {"Authorization": f"Bearer {key}"} if key else {}
        event = api_event(method, path, body=body, headers=headers)
        return lambda_handler(event, LambdaContext())

    def admin(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call the admin API as an operator."""
        from functions.admin.app import lambda_handler

        return lambda_handler(api_event(method, path, body=body, **more), LambdaContext())

    def run_task(self, row: Mapping[str, str], receive_count: int = 1) -> list[str]:
        """Deliver one task message, to the function of its queue; returns the ids of messages that
        come back."""
        import functions.broadcasts.plan
        import functions.broadcasts.send
        import functions.expiry.run
        import functions.sync.run_task

        workers = {
            "TP": functions.broadcasts.plan,
            "TS": functions.broadcasts.send,
            "TN": functions.expiry.run,
        }
        worker = workers.get(row["pk"].partition("#")[0], functions.sync.run_task)
        answer = worker.lambda_handler(sqs_event([row], receive_count), LambdaContext())
        return [f["itemIdentifier"] for f in answer["batchItemFailures"]]

    def receive_sms(self, message: Mapping[str, Any]) -> list[str]:
        """Deliver one message of AWS's topic; returns the ids of messages that come back."""
        from functions.webhooks.receive_sms import lambda_handler

        answer = lambda_handler(sqs_event([message]), LambdaContext())
        return [f["itemIdentifier"] for f in answer["batchItemFailures"]]

    def merge_receipts(self, size: int = 100) -> int:
        """Deliver what is in the receipt queue, `size` a batch; returns how many were merged."""
        from functions.broadcasts.receipts import lambda_handler

        merged = 0
        for batch in itertools.batched(list(self._take("receipt")), size, strict=False):
            event = sqs_event([json.loads(message["Body"]) for message in batch])
            answer = lambda_handler(event, LambdaContext())
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for number, message in enumerate(batch):
                back = f"m-{number}" in failed
                merged += not back
                (self._back if back else self._gone)("receipt", message)
        return merged

    def rescue(self) -> int:
        """Deliver everything in the safety queue once; returns how many came home."""
        from functions.webhooks.rescue import lambda_handler

        home = 0
        for message in list(self._take("safety")):
            answer = lambda_handler(sqs_event([json.loads(message["Body"])]), LambdaContext())
            if answer["batchItemFailures"]:
                self._back("safety", message)
            else:
                home += 1
                self._gone("safety", message)
        return home

    def sweep(self) -> None:
        """Run the five-minute schedule now."""
        from functions.sync.sweep import lambda_handler

        lambda_handler(schedule_event(self.clock.now()), LambdaContext())

    def hourly(self, as_of: datetime | None = None, **more: Any) -> None:
        """Run the hourly schedule now, or as of another time."""
        from functions.expiry.start import lambda_handler

        event = schedule_event(as_of or self.clock.now())
        lambda_handler({**event, **more}, LambdaContext())

    @staticmethod
    def body(answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return a gateway response's JSON body."""
        return dict(json.loads(answer["body"])) if answer.get("body") else {}

    # --- streams and queues ------------------------------------------------------------------

    def pump(self, rounds: int = 10) -> int:
        """Relay new rows and run queued tasks until nothing is left to do now; counts tasks run."""
        ran = 0
        for _ in range(rounds):
            self.relay()
            messages = [(name, m) for name in _PUMPED for m in self._take(name)]
            if not messages:
                return ran
            for name, message in messages:
                ran += 1
                if self.run_task(json.loads(message["Body"])):
                    self._back(name, message)
                else:
                    self._gone(name, message)
        return ran

    def relay(self) -> None:
        """Feed the stream's new records to SyncRelay, filtered as the template filters them."""
        from functions.sync.relay import lambda_handler

        records = [r for r in self._stream() if _passes_filter(r)]
        if records:
            lambda_handler({"Records": records}, LambdaContext())

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return all items whose pk begins with `prefix` (a test looks at the whole table)."""
        from concord.adapters.dynamodb.marshal import from_item

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
        self.cold()

    def _stream(self) -> list[dict[str, Any]]:
        """Return the INSERT records since the last look: moto has no streams, so rows are compared.

        A row that was deleted and written again has another `created_at`.
        """
        now = {(r["pk"], r["sk"]): r.get("created_at") for r in self.rows("T")}
        new = [key for key, created in now.items() if self._seen.get(key, ()) != created]
        self._seen = now
        return [
            {
                "eventName": "INSERT",
                "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": str(n)},
            }
            for n, (pk, sk) in enumerate(new)
        ]

    def _take(self, name: str) -> Iterator[Any]:
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.urls[name], MaxNumberOfMessages=10, AttributeNames=["All"]
            )
            if not answer.get("Messages"):
                return
            yield from answer["Messages"]

    def _gone(self, name: str, message: Mapping[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"])

    def _back(self, name: str, message: Mapping[str, Any]) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )

    # --- the ground --------------------------------------------------------------------------

    def _make_queue(self, name: str) -> str:
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})
        os.environ[f"{name.upper()}_QUEUE_URL"] = url["QueueUrl"]
        return str(url["QueueUrl"])

    def _table(self) -> Any:
        from moto.dynamodb.models import dynamodb_backends

        return dynamodb_backends[ACCOUNT]["us-east-1"].tables[TABLE]

    def _make_table(self) -> None:
        from tests.support.tables import schema

        self.dynamodb.create_table(TableName=TABLE, **schema())

    def _make_keys(self) -> None:
        ssm = boto3.client("ssm")
        for name in ("stack-key", "dossier-key"):
            value = base64.b64encode(os.urandom(32)).decode()
            ssm.put_parameter(Name=f"{PREFIX}/{name}", Value=value, Type="SecureString")

    def _answer_sandbox(self, request: httpx.Request) -> httpx.Response:
        """Play the gateway for what the sandbox calls: webhooks and the Connect API."""
        path = request.url.raw_path.decode().removeprefix("/test")
        headers = {name.title(): value for name, value in request.headers.items()}
        event = api_event(request.method, path, body=request.read(), headers=headers)
        if path.startswith("/connect/"):
            from functions.connect.app import lambda_handler
        else:
            from functions.webhooks.receive import lambda_handler
        answer = lambda_handler(event, LambdaContext())
        content = (answer.get("body") or "").encode()
        return httpx.Response(answer["statusCode"], content=content)

    # --- shops -------------------------------------------------------------------------------

    def shop(
        self,
        name: str = "m1",
        text_number: str = "",
        *,
        states: Sequence[str] = ("pending", "connected"),
        messaging: str = "",
        **settings: Any,
    ) -> Shop:
        """Make a merchant with a pair of accounts, through the admin API, and walk it to a state.

        `messaging` names another Text-Em-All account for the same merchant and shop account. Its
        groups and shoppers are read only where a test says so (`sync_hours`).
        """
        settings.setdefault("sync_hours", None)
        from tests.world.shop import Shop, new_number

        own = messaging or name
        text_number = text_number or new_number()
        tea, catapult = f"tea-{own}", f"cat-{name}"
        credentials = {
            "consumer_key": f"{SECRET}ck-{own}",
            "consumer_secret": f"{SECRET}cs-{own}",
            "access_token": f"{SECRET}at-{own}",
        }
        self.sandbox.seed("text_em_all", tea, text_numbers=[text_number], credentials=credentials)
        self.sandbox.seed("catapult", catapult, credentials={"api_key": f"{SECRET}key-{name}"})
        put = self.admin(
            "PUT",
            f"/v1/merchants/{name}",
            {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"},
        )
        assert put["statusCode"] in (200, 201), put
        made = self.admin(
            "POST",
            f"/v1/merchants/{name}/connections",
            {
                "integration": "catapult-text_em_all",
                "source": {
                    "platform": "catapult",
                    "account_id": catapult,
                    "base_url": f"{SANDBOX}/catapult",
                    "credentials": {"api_key": f"{SECRET}key-{name}"},
                },
                "destination": {
                    "platform": "text_em_all",
                    "account_id": tea,
                    "base_url": f"{SANDBOX}/text_em_all/v1",
                    "credentials": credentials,
                },
                "settings": settings,
            },
        )
        assert made["statusCode"] == 201, made
        connection = self.body(made)
        shop = Shop(
            world=self,
            merchant_id=name,
            connection_id=connection["connection_id"],
            connect_key=connection["connect_key"],
            webhooks=connection["webhooks"],
            webhook_secret=connection["webhook_secret"],
            text_number=text_number,
            tea_account=tea,
            catapult_account=catapult,
        )
        self.sandbox.seed(
            "text_em_all",
            tea,
            webhook_url=shop.webhooks["text_em_all"],
            webhook_secret=shop.webhook_secret,
        )
        self.sandbox.seed(
            "catapult",
            catapult,
            api_url=BASE_URL,
            connection_id=shop.connection_id,
            connect_key=shop.connect_key,
        )
        for state in states:
            shop.move(state)
        return shop


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


@contextmanager
def world() -> Iterator[World]:
    """Yield a world with an environment of its own; nothing of it outlives the block."""
    quick_moto.install()
    before, now, within = dict(os.environ), http._now, table.within
    os.environ.update(ENVIRONMENT)
    try:
        with mock_aws(), ExitStack() as stack:
            made = World()
            stack.callback(made.sandbox.close)
            for starts in (table.Table.__init__, sqs.SqsTaskQueue.__init__):
                defaults = cast(FunctionType, starts).__kwdefaults__
                stack.enter_context(patch.dict(defaults or {}, sleep=made.back_off))
            http._now = made.clock.now
            # moto on a busy machine is slower than a table: budgets are wide unless a test is
            # about them.
            vars(table)["within"] = lambda seconds: within(seconds * made.patience)
            yield made
    finally:
        http._now = now
        vars(table)["within"] = within
        bootstrap.forget()
        os.environ.clear()
        os.environ.update(before)
