"""World: moto's AWS, our handlers, the sandbox, and a pump that plays streams and queues."""

from __future__ import annotations

import base64
import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping
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
from tests.sandbox.harness import Sandbox
from tests.support import quick_moto
from tests.world.clock import SetClock
from tests.world.events import BASE_URL, LambdaContext, api_event, schedule_event, sqs_event
from tests.world.ground import Ground
from tests.world.sandbox_http import SandboxHttp, SandboxTransport

if TYPE_CHECKING:
    from tests.world.shop import Shop

TABLE = "concord-test"
STAGE = "test"
PREFIX = f"/concord/{STAGE}"
ACCOUNT = "123456789012"
MAIL_IDENTITY = "mails.example"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "TABLE_NAME": TABLE,
    "STAGE": STAGE,
    "PARAMETER_PREFIX": PREFIX,
    "PUBLIC_BASE_URL": BASE_URL,
    "ALLOWED_HOSTS": "sandbox.test",
    "ALLOW_PRIVATE_HOSTS": "true",
    "OPERATOR_ARNS": "*",
    "MAIL_IDENTITY": MAIL_IDENTITY,
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


class World:
    """Everything, in one process. Made by `world()`."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.patience = _PATIENT
        self.sandbox = Sandbox()
        self.sandbox.answer = self._answer_sandbox
        self.http = SandboxHttp(SandboxTransport(self.sandbox))
        self.ground = Ground(TABLE, ACCOUNT, _QUEUES)
        self.dynamodb, self.sqs = self.ground.dynamodb, self.ground.sqs
        self.urls, self.rows = self.ground.urls, self.ground.rows
        _make_keys()
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
        for batch in itertools.batched(list(self.ground.take("receipt")), size, strict=False):
            event = sqs_event([json.loads(message["Body"]) for message in batch])
            answer = lambda_handler(event, LambdaContext())
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for number, message in enumerate(batch):
                back = f"m-{number}" in failed
                merged += not back
                (self.ground.back if back else self.ground.gone)("receipt", message)
        return merged

    def rescue(self) -> int:
        """Deliver everything in the safety queue once; returns how many came home."""
        from functions.webhooks.rescue import lambda_handler

        home = 0
        for message in list(self.ground.take("safety")):
            answer = lambda_handler(sqs_event([json.loads(message["Body"])]), LambdaContext())
            if answer["batchItemFailures"]:
                self.ground.back("safety", message)
            else:
                home += 1
                self.ground.gone("safety", message)
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
            messages = [(name, m) for name in _PUMPED for m in self.ground.take(name)]
            if not messages:
                return ran
            for name, message in messages:
                ran += 1
                if self.run_task(json.loads(message["Body"])):
                    self.ground.back(name, message)
                else:
                    self.ground.gone(name, message)
        return ran

    def relay(self) -> None:
        """Feed the stream's new records to SyncRelay, filtered as the template filters them."""
        from functions.sync.relay import lambda_handler

        records = self.ground.inserted()
        if records:
            lambda_handler({"Records": records}, LambdaContext())

    def kept(self) -> Any:
        """Return what the table holds, for `back_to`."""
        return self.ground.kept()

    def back_to(self, kept: Any) -> None:
        """Forget what was written since `kept`, in a new process."""
        self.ground.back_to(kept)
        self.cold()

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

    def shop(self, name: str = "m1", text_number: str = "", **more: Any) -> Shop:
        """Make a merchant with a pair of accounts and walk it to a state: `shop.open_shop`."""
        from tests.world.shop import open_shop

        return open_shop(self, name, text_number, **more)


def _make_keys() -> None:
    """Store the keys that a stack has."""
    ssm = boto3.client("ssm")
    for name in ("stack-key", "dossier-key"):
        value = base64.b64encode(os.urandom(32)).decode()
        ssm.put_parameter(Name=f"{PREFIX}/{name}", Value=value, Type="SecureString")


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
