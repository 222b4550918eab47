"""One process that holds everything: the functions that ship, time, table, queues, Ecomail."""

from __future__ import annotations

import io
import logging
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from contextvars import ContextVar
from datetime import datetime
from functools import cached_property
from types import FunctionType, SimpleNamespace
from typing import Any, Final, cast
from unittest.mock import patch

import httpx

from concord import bootstrap
from concord.adapters import sqs
from concord.adapters.dynamodb import jobs, table
from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.table import Table
from concord.adapters.parameters import SsmSecrets
from concord.adapters.sqs import SqsTaskQueue
from concord.bootstrap.parts import Parts
from concord.config import Settings
from concord.entrypoint import http
from concord.entrypoint.observability import LOG, TELEMETRY
from concord.platforms.registry import PlatformRegistry
from concord.services.post_points import PostPoints
from sandbox import clock as sandbox_clock
from sandbox.platforms.ecomail import limit
from tests.sandbox.harness import Sandbox
from tests.simulation.queues import Queues, Stream
from tests.simulation.trace import Trace
from tests.simulation.wire import Http, Killed, Parameters, TableClient, Transport, Wire
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.virtual import Virtual
from tests.world.events import BASE_URL, LambdaContext, api_event, schedule_event

PREFIX: Final = "/concord/simulation"
_QUEUES: Final = ("urgent", "bulk", "plan", "send", "night", "receipt", "safety", "aws_inbound")
ENVIRONMENT: Final = {
    "TABLE_NAME": "simulation",
    "PARAMETER_PREFIX": PREFIX,
    "PUBLIC_BASE_URL": BASE_URL,
    "ALLOWED_HOSTS": "sandbox.test",
    "ALLOW_PRIVATE_HOSTS": "true",
    "OPERATOR_ARNS": "*",
    "POWERTOOLS_METRICS_NAMESPACE": "Concord",
    "POWERTOOLS_SERVICE_NAME": "Simulation",
    "POWERTOOLS_TRACE_DISABLED": "true",
    **{f"{name.upper()}_QUEUE_URL": f"https://queue/{name}" for name in _QUEUES},
}
_FIVE_MINUTES: Final = 300.0
_name: ContextVar[str] = ContextVar("process", default="")
_spared: ContextVar[bool] = ContextVar("spared", default=False)


class House:
    """Everything of one run. Made by `house()`."""

    def __init__(self, dice: random.Random, start: datetime, say: Callable[[str], None] | None):
        self.dice = dice
        self.virtual = Virtual(start)
        self.trace = Trace(self.virtual.now, say)
        self.wire = Wire(self.virtual, dice, self.trace)
        self.wire.process, self.wire.spared = _name.get, _spared.get
        self.memory = MemoryDynamoDb()
        self.client = TableClient(self.wire, self.memory)
        self.parameters = Parameters(PREFIX, dice)
        self.sandbox = Sandbox()
        self.sandbox.answer = self._take_webhook
        self.transport = Transport(self.wire, self.sandbox)
        self.queues = Queues(self.wire, self)
        self.stream = Stream(self.wire, self)
        self.memory.inserted = self._inserted
        self.bugs: list[str] = []
        self._busy: set[str] = set()
        self._sweep_is_near = False

    # --- processes ---------------------------------------------------------------------------

    def cold(self) -> None:
        """Start every function anew: empty caches. Whoever runs keeps what he has."""
        bootstrap.forget()
        parts = bootstrap.services(TELEMETRY).parts
        parts.clock = parts.sleeper = self.virtual
        rows = self._table(self.client)
        ours: dict[str, Any] = {
            "table": rows,
            "connections": DynamoDbConnections(rows, self.virtual.monotonic),
            "secrets": SsmSecrets(
                PREFIX,
                self.parameters,  # type: ignore[arg-type]
                monotonic=self.virtual.monotonic,
            ),
            "queue": SqsTaskQueue(parts._queue_url, self.queues),  # type: ignore[arg-type]
            "platforms": PlatformRegistry(
                ("sandbox.test",), allow_private=True, http=Http(self.transport)
            ),
        }
        parts.__dict__.update(ours)

    @cached_property
    def quiet(self) -> Parts:
        """Return adapters that nobody watches, for whoever looks at what came of it."""
        parts = Parts(Settings(ENVIRONMENT), TELEMETRY, self.virtual)
        rows = self._table(self.memory)
        parts.__dict__.update(table=rows, secrets=bootstrap.services(TELEMETRY).parts.secrets)
        return parts

    def _table(self, client: Any) -> Table:
        dice = random.Random(self.dice.random())
        return Table("simulation", client, sleep=self.virtual.wait, rng=dice)

    def spawn(
        self,
        seconds: float,
        name: str,
        work: Callable[[], None],
        died: Callable[[], None] = lambda: None,
        *,
        spared: bool = False,
    ) -> None:
        """Let a process begin in so many seconds; `died` = what follows if it is killed."""

        def process() -> None:
            _name.set(name)
            _spared.set(spared)
            try:
                work()
            except Killed:
                self.cold()
                died()

        self.virtual.after(seconds, process)

    # --- functions ---------------------------------------------------------------------------

    def connect(self, method: str, path: str, key: str, body: Any = None) -> dict[str, Any]:
        """Call the Connect API."""
        from functions.connect.app import lambda_handler

        headers = {"Authorization": f"Bearer {key}"}
        event = api_event(method, path, body=body, headers=headers)
        return self._alone("connect", lambda_handler, event)

    def admin(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """Call the admin API as an operator."""
        from functions.admin.app import lambda_handler

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._alone(
            "admin", lambda_handler, api_event(method, path, body=body, headers=named)
        )

    def receive(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """POST to a webhook."""
        from functions.webhooks.receive import lambda_handler

        return self._alone(
            "receive", lambda_handler, api_event("POST", path, body=body, headers=headers)
        )

    def _alone(self, name: str, handler: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Call a function with one instance, as every resolver is: the next call waits."""
        while name in self._busy:
            self.virtual.wait(0.05)
        self._busy.add(name)
        try:
            answer: dict[str, Any] = handler(event, LambdaContext())
        finally:
            self._busy.discard(name)
        return answer

    def hour(self, as_of: datetime) -> None:
        """Run the hourly schedule."""
        from functions.expiry.start import lambda_handler

        lambda_handler(schedule_event(as_of), LambdaContext())

    def _sweep(self) -> None:
        from functions.sync.sweep import lambda_handler

        lambda_handler(schedule_event(self.virtual.now()), LambdaContext())

    # --- streams and schedules ---------------------------------------------------------------

    def _inserted(self, pk: str, sk: str) -> None:
        if self.stream.takes(pk, sk):
            self.sweeps_soon()

    def sweeps_soon(self) -> None:
        """Have the five-minute schedule run at its next time: where nothing is open it would find
        nothing, and is passed over to save time."""
        if self._sweep_is_near:
            return
        self._sweep_is_near = True
        left = _FIVE_MINUTES - self.virtual.monotonic() % _FIVE_MINUTES

        def sweep() -> None:
            self._sweep_is_near = False
            if self.open_tasks():
                self.sweeps_soon()
                self._sweep()

        self.spawn(left, "sweep", sweep)

    def open_tasks(self) -> list[Mapping[str, Any]]:
        """Return the task rows that stand in the due index."""
        return [row for row in self.memory.rows("T") if "due_pk" in row]

    def _take_webhook(self, request: httpx.Request) -> httpx.Response:
        """Let a webhook of Ecomail travel: late, perhaps twice, and past the one before it."""
        path = request.url.raw_path.decode().removeprefix("/test")
        headers = {name.title(): value for name, value in request.headers.items()}
        body = request.read()
        times = 2 if self.wire.chance(self.wire.troubles.repeated) else 1
        for _ in range(times):
            delay = self.dice.choice([0.2, 1.0, 5.0, 40.0])
            self.spawn(delay, "webhook", lambda: self._hook(path, body, headers), spared=True)
        self.trace.count("webhooks", times)
        return httpx.Response(200)

    def _hook(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        answer = self.receive(path, body, headers)
        if answer["statusCode"] >= 500:
            # Ecomail tells nothing twice. Who asks for more than this has to lose a sign-up.
            self.virtual.wait(10.0)
            self._hook(path, body, headers)


class _Bugs(logging.Filter):
    """Keeps every line back, and notes those that say `unhandled_error`."""

    def __init__(self, bugs: list[str]) -> None:
        super().__init__()
        self._bugs = bugs

    def filter(self, record: logging.LogRecord) -> bool:
        if record.getMessage() == "unhandled_error" and record.exc_info:
            self._bugs.append(repr(record.exc_info[1]))
        return False


@contextmanager
def house(
    dice: random.Random, start: datetime, say: Callable[[str], None] | None = None
) -> Iterator[House]:
    """Yield a house with an environment of its own, in which nothing is left to chance."""
    made = House(dice, start, say)
    before = dict(os.environ)
    clock = SimpleNamespace(monotonic=made.virtual.monotonic, time=lambda: start.timestamp())
    watch = _Bugs(made.bugs)
    own = random.Random(dice.random())
    os.environ.update(ENVIRONMENT)
    try:
        with ExitStack() as stack:
            stack.callback(made.sandbox.close)
            for starts, given in _defaults(made, dice):
                defaults = cast(FunctionType, starts).__kwdefaults__
                stack.enter_context(patch.dict(defaults or {}, given))
            stack.enter_context(patch("os.urandom", own.randbytes))
            stack.enter_context(patch("random._urandom", own.randbytes))
            stack.enter_context(patch.object(table, "time", clock))
            stack.enter_context(patch.object(jobs, "time", clock))
            stack.enter_context(patch.object(http, "_now", made.virtual.now))
            stack.enter_context(patch.object(limit, "now", made.virtual.now))
            stack.enter_context(patch.object(sandbox_clock, "now", made.virtual.now))
            stack.enter_context(redirect_stdout(io.StringIO()))
            logger = logging.getLogger(LOG.name)
            logger.addFilter(watch)
            stack.callback(logger.removeFilter, watch)
            made.cold()
            yield made
    finally:
        bootstrap.forget()
        os.environ.clear()
        os.environ.update(before)


def _defaults(made: House, dice: random.Random) -> Sequence[tuple[object, dict[str, object]]]:
    """Return whose sleep and dice are replaced: what they are built with by default."""
    wait, rng = made.virtual.wait, random.Random(dice.random())
    return (
        (PostPoints.__init__, {"sleep": wait, "rng": rng}),
        (sqs.SqsTaskQueue.__init__, {"sleep": wait}),
    )
