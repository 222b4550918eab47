"""Answers AWS requests from a recording, so that CPU is measured and no network.

Imports nothing that a function with one boto3 client would not import anyway: the cold runs start
from here, ours and the bare one alike.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Context:
    """What the runtime passes beside the event."""

    function_name = "bench"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    memory_limit_in_mb = 1024
    aws_request_id = "11111111-1111-1111-1111-111111111111"

    def get_remaining_time_in_millis(self) -> int:
        return 5_000


class Raw:
    """A response's bytes as urllib3 hands them over."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


class Cassette:
    """One request to a function, and every AWS answer that it needs.

    `data` holds `event`, `environment`, `answers` ([operation, request body, headers, answer body])
    and `calls` (operation -> the parameters of its last call): plain values, so that it can be read
    by `marshal`, which costs a fresh interpreter nothing.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.event: dict[str, Any] = data["event"]
        self.environment: dict[str, str] = data["environment"]
        self.calls: dict[str, dict[str, Any]] = data["calls"]
        self._exact = {(op, body): (headers, answer) for op, body, headers, answer in _rows(data)}
        # A write is never the same twice (times, salts); its answer is.
        self._any = {operation: (headers, answer) for operation, _, headers, answer in _rows(data)}

    @classmethod
    def load(cls, path: str) -> Cassette:
        """Read a cassette that `save` wrote, with this very interpreter."""
        return cls(marshal.loads(Path(path).read_bytes()))

    def save(self, path: Path) -> None:
        """Write it where a child process finds it."""
        path.write_bytes(marshal.dumps(self.data))

    def play(self) -> None:
        """Answer every request of sessions that are made from now on."""
        from botocore import handlers

        handlers.BUILTIN_HANDLERS.insert(0, ("before-send", self.answer))

    def answer(self, request: Any, event_name: str, **_: Any) -> Any:
        """Return the recorded answer. KeyError: the walk asks for what was never recorded."""
        from botocore.awsrequest import AWSResponse

        operation = event_name.rpartition(".")[2]
        body = request.body
        known = self._exact.get((operation, body)) or self._any[operation]
        headers, content = known
        return AWSResponse(request.url, 200, headers, Raw(content))


def _rows(data: dict[str, Any]) -> list[tuple[str, bytes, dict[str, str], bytes]]:
    rows: list[tuple[str, bytes, dict[str, str], bytes]] = data["answers"]
    return rows
