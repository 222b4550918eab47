"""Runs each function as a process of its own: its variables, its caches, its rights."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

from concord import bootstrap, config
from concord.adapters.dynamodb import table
from concord.entrypoint.observability import TELEMETRY
from tests.template.cfn import functions
from tests.walk.privilege.grants import Right, asked, variables
from tests.world.world import PREFIX, World

# Names of the world's queues, and of queues whose URL is built from their attributes.
QUEUES: Final = {
    "urgent": "UrgentQueue",
    "bulk": "BulkQueue",
    "plan": "BroadcastPlanQueue",
    "send": "BroadcastSendQueue",
    "night": "NightQueue",
    "receipt": "ReceiptQueue",
    "safety": "SafetyQueue",
    "aws_inbound": "AwsInboundQueue",
    "stream_failures": "StreamFailures",
    "urgent-dead": "UrgentDeadLetters",
    "bulk-dead": "BulkDeadLetters",
    "plan-dead": "BroadcastPlanDeadLetters",
    "send-dead": "BroadcastSendDeadLetters",
    "night-dead": "NightDeadLetters",
    "receipt-dead": "ReceiptDeadLetters",
    "safety-dead": "SafetyDeadLetters",
    "aws_inbound-dead": "AwsInboundDeadLetters",
}
# Every variable that our own code knows; AWS_* and POWERTOOLS_* are read by the libraries.
READ_BY_US: Final = frozenset(
    re.findall(r'_(?:required|optional|list)\("(\w+)"\)', inspect.getsource(config.Settings))
)
_SEND_TEXT: Final = "before-call.pinpoint-sms-voice-v2.SendTextMessage"
_PARAMS: Final = "provide-client-params"
_WORD: Final = re.compile(r"[a-z_]+")

type Use = tuple[str, Right]


class Processes:
    """All functions of a world, each with what its part of template.yaml gives it."""

    def __init__(self, house: World, denied: Use | None = None) -> None:
        self._house = house
        self._denied = denied
        self._built: dict[str, dict[str, Any]] = defaultdict(dict)
        self._acting: list[str] = []
        self._queues: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self.used: set[Use] = set()
        self.operations: set[tuple[str, str]] = set()
        self.read: set[tuple[str, str]] = set()
        self.answers: list[tuple[str, Any]] = []
        self.admin_calls: set[tuple[str, str, int]] = set()
        self.away: frozenset[str] = frozenset()
        self.carrier_refuses = False
        self.enforced = False

    # --- life --------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """Put every handler of the world into a process of its own."""
        self._queues = {self._url(name): queue for name, queue in QUEUES.items()}
        self._values = dict(os.environ)
        with ExitStack() as stack:
            for name, properties in functions().items():
                module = importlib.import_module(properties["Handler"].rpartition(".")[0])
                handler = self._process(name, module.lambda_handler)
                stack.enter_context(patch.object(module, "lambda_handler", handler))
            guarded = lambda *_, **__: self._house.http  # noqa: E731
            stack.enter_context(patch("concord.platforms.http.GuardedHttp", guarded))
            real = config.Settings._optional
            noted = lambda settings, name: real(settings, self._reads(name))  # noqa: E731
            stack.enter_context(patch.object(config.Settings, "_optional", noted))
            # moto on a busy machine is slower than a table: only `away` may use a budget up.
            within = table.within
            stack.enter_context(patch.object(table, "within", lambda _: within(60.0)))
            session = boto3._get_default_session().events
            for event, hook in ((_PARAMS, self._request), (_SEND_TEXT, self._carry)):
                session.register(event, hook)
                stack.callback(session.unregister, event, hook)
            yield

    def cold(self) -> None:
        """Start every function anew."""
        self._built.clear()

    def _url(self, name: str) -> str:
        return str(self._house.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def _process(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def run(event: dict[str, Any], context: Any) -> Any:
            with self._inside(name):
                try:
                    answer = handler(event, context)
                except Exception as error:
                    self.answers.append((name, type(error).__name__))
                    raise
            self.answers.append((name, _shape(answer)))
            if name == "AdminApi":
                call = (event["httpMethod"], event["path"], answer["statusCode"])
                self.admin_calls.add(call)
            return answer

        return run

    @contextmanager
    def _inside(self, name: str) -> Iterator[None]:
        outside = dict(os.environ)
        common = {k: v for k, v in self._values.items() if k not in READ_BY_US}
        given = variables(name) & READ_BY_US  # what the world does not set may be empty
        self._swap({**common, **{k: self._values.get(k, "") for k in given}})
        self._acting.append(name)
        from concord.platforms.aws_messaging import client as sms

        sms._client_for.cache_clear()  # it outlives a world, and keeps the hooks of another one
        with patch.object(bootstrap, "_built", self._built[name]):
            try:
                parts = bootstrap.services(TELEMETRY).parts
                parts.clock = parts.sleeper = self._house.clock
                yield
            finally:
                self._acting.pop()
                self._swap(outside)

    @staticmethod
    def _swap(environment: Mapping[str, str]) -> None:
        os.environ.clear()
        os.environ.update(environment)
        config.settings.cache_clear()

    # --- what goes out -----------------------------------------------------------------------

    def _reads(self, variable: str) -> str:
        if self._acting:
            self.read.add((self._acting[-1], variable))
        return variable

    def _request(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if not self._acting:
            return
        function, service = self._acting[-1], model.service_model.service_id.hyphenize()
        needs = {(function, r) for r in asked(service, model.name, params, self._queues, PREFIX)}
        self.used |= needs
        self.operations.add((function, model.name))
        if service in self.away:
            raise EndpointConnectionError(endpoint_url="http://away")
        if self.enforced and self._denied in needs:
            error = {"Code": "AccessDeniedException", "Message": "denied"}
            status = {"HTTPStatusCode": 400}
            raise ClientError({"Error": error, "ResponseMetadata": status}, model.name)

    def _carry(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        """Play the carrier: moto has none."""
        if not self.carrier_refuses:
            return SimpleNamespace(status_code=200), {"MessageId": "carried-1"}
        error = {"Code": "ConflictException", "Message": "opted out"}
        refusal = {
            "Error": error,
            "Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT",
            "ResponseMetadata": {"HTTPStatusCode": 409, "HTTPHeaders": {}},
        }
        return SimpleNamespace(status_code=409), refusal


def _shape(answer: Any) -> Any:
    """Return what an answer says, without what differs from run to run (ids, times, numbers)."""
    if isinstance(answer, Mapping):
        if "statusCode" in answer:
            body = answer.get("body")
            return answer["statusCode"], _shape(json.loads(body)) if body else None
        return {name: _shape(value) for name, value in sorted(answer.items())}
    if isinstance(answer, list):
        return [_shape(each) for each in answer]
    if isinstance(answer, str):
        return answer if _WORD.fullmatch(answer) else "..."
    return answer
