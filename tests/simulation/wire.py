"""What a process calls: the table, the queues, the parameters, Ecomail. Any call may fail, lose its
answer, take its time, or be the last of its process."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
from botocore.exceptions import ReadTimeoutError

from tests.sandbox.harness import Sandbox
from tests.simulation.trace import Trace
from tests.support.counting import client_error
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.virtual import Virtual

# A repeat of a transaction under its token is answered without writing it again, for so long.
_TOKEN_HOLDS: Final = timedelta(minutes=10)
_WRITES: Final = frozenset({"put_item", "update_item", "delete_item", "transact_write_items"})
_REFUSED: Final = ("TransactionConflict", "ProvisionedThroughputExceededException")


class Killed(BaseException):
    """The process ended here: no code of ours can catch this."""


@dataclass
class Troubles:
    """How likely what is, for each request. None of it touches what is not a process."""

    killed: float = 0.0
    yields: float = 0.0
    refused: float = 0.0
    lost: float = 0.0
    platform_fails: float = 0.0
    platform_lost: float = 0.0
    queue_fails: float = 0.0
    repeated: float = 0.0
    dropped: float = 0.0
    late: float = 0.0


@dataclass
class Wire:
    """Lets a request through, or not. `spared` names processes that are never killed."""

    virtual: Virtual
    dice: random.Random
    trace: Trace
    troubles: Troubles = field(default_factory=Troubles)
    process: Callable[[], str] = lambda: ""
    spared: Callable[[], bool] = lambda: False

    def chance(self, probability: float) -> bool:
        """Throw the dice."""
        return probability > 0 and self.dice.random() < probability

    def step(self, text: str) -> None:
        """A process is about to ask for something, or has its answer: others may run meanwhile, and
        it may end here."""
        if not self.virtual.in_process:
            return
        self.trace.step(f"{self.process()} {text}")
        if self.chance(self.troubles.yields):
            self.virtual.wait(self.dice.choice([0.001, 0.004, 0.02, 0.1]))
        if not self.spared() and self.chance(self.troubles.killed):
            self.trace.count("kills")
            self.trace.step(f"{self.process()} KILLED at {text}")
            raise Killed(text)


class TableClient:
    """DynamoDB's client, over the table in memory."""

    def __init__(self, wire: Wire, memory: MemoryDynamoDb) -> None:
        self._wire = wire
        self._memory = memory
        self._done: dict[str, Any] = {}
        self.written: Callable[[str, dict[str, Any]], None] = lambda name, request: None

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._memory, name)

        def call(**request: Any) -> Any:
            wire = self._wire
            wire.step(f"{name} {_places(name, request)}")
            writes = name in _WRITES and wire.virtual.in_process
            if writes and wire.chance(wire.troubles.refused):
                wire.trace.count("requests the table refused")
                raise client_error(wire.dice.choice(_REFUSED), name)
            answer = self._once(name, real, request)
            if writes and wire.chance(wire.troubles.lost):
                wire.trace.count("answers of the table lost")
                raise ReadTimeoutError(endpoint_url="http://table")
            if writes:
                wire.step(f"{name} done")
            return answer

        return call

    def _once(self, name: str, real: Callable[..., Any], request: dict[str, Any]) -> Any:
        """Do it, unless it was done under its token: that holds for ten minutes."""
        token, now = request.get("ClientRequestToken"), self._wire.virtual.now()
        if token in self._done and now - self._done[token] < _TOKEN_HOLDS:
            return {}
        answer = real(**request)
        if token is not None:
            self._done[token] = now
        if name in _WRITES:
            self.written(name, request)
        return answer


def _places(name: str, request: dict[str, Any]) -> str:
    """Return the keys that a request is about."""
    if name == "transact_write_items":
        bodies = [next(iter(each.items())) for each in request["TransactItems"]]
        return " ".join(f"{verb}:{_place(body)}" for verb, body in bodies)
    if name == "query":
        values = request["ExpressionAttributeValues"]
        return " ".join(str(next(iter(values[each].values()))) for each in sorted(values))
    return _place(request)


def _place(body: dict[str, Any]) -> str:
    key = body.get("Key") or body.get("Item") or {}
    return "/".join(key[name]["S"] for name in ("pk", "sk") if name in key)


class Parameters:
    """SSM's client: parameters with versions. Nothing fails here."""

    def __init__(self, prefix: str, dice: random.Random) -> None:
        key = base64.b64encode(dice.randbytes(32)).decode()
        self._kept: dict[str, list[str]] = {f"{prefix}/stack-key": [key]}

    def get_parameters(self, *, Names: list[str], WithDecryption: bool) -> dict[str, Any]:
        """Return those that are there, each in the version asked for."""
        found = []
        for asked in Names:
            name, _, version = asked.partition(":")
            kept = self._kept.get(name, [])
            number = int(version) if version else len(kept)
            if 0 < number <= len(kept):
                found.append({"Name": name, "Value": kept[number - 1], "Version": number})
        return {"Parameters": found}

    def put_parameter(self, *, Name: str, Value: str, **_: Any) -> dict[str, Any]:
        """Keep a new version."""
        self._kept.setdefault(Name, []).append(Value)
        return {"Version": len(self._kept[Name])}


class Transport(httpx.BaseTransport):
    """The way to the sandbox's Ecomail. `seen` hears of each request that arrived."""

    def __init__(self, wire: Wire, sandbox: Sandbox) -> None:
        self._wire = wire
        self._sandbox = sandbox
        self.seen: Callable[[httpx.Request, bool], None] = lambda request, lost: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request; fail as its caller might meet it."""
        wire, body = self._wire, request.read()
        name = f"{request.method} {request.url.path}"
        wire.step(name)
        if wire.virtual.in_process and wire.chance(wire.troubles.platform_fails):
            return self._fails(request)
        answer = self._sandbox.call(
            request.method, str(request.url), content=body, headers=dict(request.headers)
        )
        lost = wire.virtual.in_process and wire.chance(wire.troubles.platform_lost)
        self.seen(request, lost)
        if lost:
            wire.trace.count("answers of Ecomail lost")
            wire.trace.step(f"{wire.process()} {name} ANSWER LOST")
            raise httpx.ReadTimeout("no answer")
        wire.step(f"{name} {answer.status_code}")
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content, request=request
        )

    def _fails(self, request: httpx.Request) -> httpx.Response:
        self._wire.trace.count("requests Ecomail failed")
        kind = self._wire.dice.choice(["refused", "busy", "down"])
        self._wire.trace.step(f"{self._wire.process()} {kind.upper()}")
        if kind == "refused":
            raise httpx.ConnectError("refused")
        if kind == "busy":
            return httpx.Response(429, headers={"Retry-After": "7"}, request=request)
        return httpx.Response(503, request=request)


class Http:
    """Stands in for the guarded client."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def client(self, base_url: str) -> httpx.Client:
        """Return a client of this transport."""
        return httpx.Client(base_url=base_url, transport=self._transport)
