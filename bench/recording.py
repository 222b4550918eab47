"""Records one cold STOP in tests/world: the event, and each AWS call with its answer."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore import handlers

from bench.meter import Meter
from bench.stub import Cassette
from bench.walk import house
from tests.world.events import api_event
from tests.world.world import ENVIRONMENT

# Nothing of the machine that measures may change what a child loads.
_ELSEWHERE: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class _Recorder:
    def __init__(self) -> None:
        self._meter: Meter | None = None
        self.calls: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[str, bytes, dict[str, str], bytes]] = []
        self._body = b""

    @contextmanager
    def recording(self, meter: Meter) -> Iterator[None]:
        """Record the requests inside, but those with which `meter` looks at items."""
        self._meter = meter
        try:
            yield
        finally:
            self._meter = None

    @property
    def _on(self) -> bool:
        return self._meter is not None and not self._meter.looking

    def params(self, params: dict[str, Any], event_name: str, **_: Any) -> None:
        if self._on:
            self.calls[_operation(event_name)] = copy.deepcopy(params)

    def sent(self, request: Any, **_: Any) -> None:
        if self._on:
            self._body = request.body

    def received(self, response_dict: Mapping[str, Any], event_name: str, **_: Any) -> None:
        if self._on:
            headers = {str(name): str(value) for name, value in response_dict["headers"].items()}
            answer = (_operation(event_name), bytes(self._body), headers, response_dict["body"])
            self.answers.append(answer)


def recorded_stop() -> Cassette:
    """Return the cassette of a cold STOP from a number that had opted in.

    Its signature is valid for 300 s from now.
    """
    recorder = _Recorder()
    with _listening(recorder), house() as home:
        path, body, headers = home.signed_stop()
        home.world.cold()
        with recorder.recording(home.meter):
            answer = home.world.receive(path, body, headers)
        assert answer["statusCode"] == 204, answer
        queues = {name: os.environ[name] for name in os.environ if name.endswith("_QUEUE_URL")}
        return Cassette(
            {
                "event": api_event("POST", path, body=body, headers=headers),
                "environment": ENVIRONMENT | queues | _ELSEWHERE,
                "calls": recorder.calls,
                "answers": recorder.answers,
            }
        )


@contextmanager
def _listening(recorder: _Recorder) -> Iterator[None]:
    ours: list[tuple[str, Any]] = [
        ("before-parameter-build", recorder.params),
        ("before-send", recorder.sent),
        ("response-received", recorder.received),
    ]
    handlers.BUILTIN_HANDLERS[:0] = ours
    try:
        yield
    finally:
        for each in ours:
            handlers.BUILTIN_HANDLERS.remove(each)


def _operation(event_name: str) -> str:
    return event_name.rpartition(".")[2]
