"""Everything that a function sends, numbered: a test may stop it, fail it, or lose its answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import httpx
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.support.counting import client_error
from tests.world.world import World

# As the template has it: a message whose worker died is delivered again after this.
VISIBILITY = timedelta(seconds=181)
_PATIENCE = 8


class Killed(BaseException):
    """The process ended here: no code of ours can catch this."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a function: `dynamodb.GetItem`, or `POST /catapult/...`."""

    number: int
    name: str


type Hook = Callable[[Request], None]


def nothing(_: Request) -> None:
    """Let it pass."""


class Wire:
    """Watches a world's functions at botocore's `before-send` and at the platforms' transport.

    `before` runs ahead of each request and `after` once its work is done; both may raise whatever
    the caller should meet: Killed, an SDK error, httpx's errors.
    """

    def __init__(self, house: World) -> None:
        self._house = house
        self.requests: list[Request] = []
        self.before: Hook = nothing
        self.after: Hook = nothing
        self._current: list[Request] = []
        events = boto3._get_default_session().events
        # moto answers from a `before-send` handler too: one of ours runs ahead of it, one behind.
        events.register_first("before-send", self._aws_begins)
        events.register_last("before-send", self._aws_ended)
        house.http.transport = _Watched(house.http.transport, self)
        house.cold()

    @property
    def names(self) -> list[str]:
        """Return what was sent, in order."""
        return [request.name for request in self.requests]

    def calm(self) -> None:
        """Forget what was sent, and fail nothing any more."""
        self.requests, self._current = [], []
        self.before = self.after = nothing

    @contextmanager
    def failing(self, before: Hook = nothing, after: Hook = nothing) -> Iterator[None]:
        """Put hooks in force for a block, from request 1 on."""
        self.calm()
        self.before, self.after = before, after
        try:
            yield
        finally:
            self.calm()

    def begins(self, name: str) -> None:
        """Note a request and run the hook ahead of it."""
        request = Request(len(self.requests) + 1, name)
        self.requests.append(request)
        self._current.append(request)
        try:
            self.before(request)
        except BaseException:
            self._forget(request)
            raise

    def ended(self) -> None:
        """Run the hook behind the request that began last."""
        if self._current:
            self.after(self._current.pop())

    def _forget(self, request: Request) -> None:
        if request in self._current:
            self._current.remove(request)

    def _aws_begins(self, event_name: str, **_: Any) -> None:
        self.begins(event_name.removeprefix("before-send."))

    def _aws_ended(self, **_: Any) -> None:
        self.ended()


class _Watched(httpx.BaseTransport):
    """Tells the wire of requests to platforms."""

    def __init__(self, inner: httpx.BaseTransport, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._wire.begins(f"{request.method} {request.url.path}")
        answer = self._inner.handle_request(request)
        self._wire.ended()
        return answer


# --- hooks -----------------------------------------------------------------------------------


def kill_at(number: int) -> Hook:
    """Return a hook that ends the process at request `number`."""

    def hook(request: Request) -> None:
        if request.number == number:
            raise Killed(request.name)

    return hook


def away(*services: str) -> Hook:
    """Return a hook that makes AWS services unreachable (`dynamodb`, `sqs`, `ssm`)."""

    def hook(request: Request) -> None:
        if request.name.partition(".")[0] in services:
            raise EndpointConnectionError(endpoint_url="http://away")

    return hook


def hanging(seconds: float, *services: str) -> Hook:
    """Return a hook that takes requests of AWS services and never answers: the read times out."""

    def hook(request: Request) -> None:
        if request.name.partition(".")[0] in services:
            time.sleep(seconds)
            raise ReadTimeoutError(endpoint_url="http://hanging")

    return hook


def slow(seconds: float, *services: str) -> Hook:
    """Return a hook that lets AWS services answer, each request this much later."""

    def hook(request: Request) -> None:
        if request.name.partition(".")[0] in services:
            time.sleep(seconds)

    return hook


def platform_away(name: str) -> Hook:
    """Return a hook that refuses connections to one platform."""

    def hook(request: Request) -> None:
        if f" /{name}/" in request.name:
            raise httpx.ConnectError("refused")

    return hook


WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


def conflicts(seed: int, probability: float, seen: list[str]) -> Hook:
    """Return a hook that refuses writes with TransactionConflict, by a seed."""
    rng = random.Random(seed)

    def hook(request: Request) -> None:
        operation = request.name.partition(".")[2]
        if operation not in WRITES or rng.random() >= probability:
            return
        seen.append(operation)
        single = operation != "TransactWriteItems"
        code = "TransactionConflictException" if single else "TransactionConflict"
        raise client_error(code, operation)

    return hook


# --- time ------------------------------------------------------------------------------------


def settle(house: World) -> None:
    """Let time go by, with its five-minute sweeps, until no task is left to do.

    Delayed messages of moto's SQS hang on the real clock, which a test does not wait for: the sweep
    brings those rows as well.
    """
    house.pump()
    for _ in range(_PATIENCE):
        if not open_tasks(house):
            return
        house.clock.advance(timedelta(minutes=3))
        house.sweep()
        house.pump()
    raise AssertionError(f"tasks that never end: {[r['sk'] for r in open_tasks(house)]}")


def open_tasks(house: World) -> list[dict[str, Any]]:
    """Return the task rows that stand in the due index, but for timers: those never end."""
    rows = house.rows("T")
    return [row for row in rows if "due_pk" in row and not _is_timer(row)]


def _is_timer(row: Mapping[str, Any]) -> bool:
    """Whether a row waits for a set moment: a full read, or a look whether she confirmed."""
    if "#await_confirmation#" in row["pk"]:
        return bool(row["attempts"])
    return "#waits:" in str(row["due_sk"]) and "#sync_shoppers#" in row["pk"]
