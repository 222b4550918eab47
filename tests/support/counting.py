"""Counts requests where they leave, and makes chosen ones fail or lose their answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError


@contextmanager
def counted(client: Any) -> Iterator[Counter[str]]:
    """Count the requests that `client` really makes, by operation."""
    counts: Counter[str] = Counter()

    def note(request: Any, **_: Any) -> None:
        target = request.headers.get("X-Amz-Target", b"")
        name = target.decode() if isinstance(target, bytes) else str(target)
        counts[name.rpartition(".")[2]] += 1

    client.meta.events.register_first("before-send", note)
    try:
        yield counts
    finally:
        client.meta.events.unregister("before-send", note)


class Faults:
    """A client whose calls go through a plan: it may fail before a call, or lose its answer."""

    def __init__(self, client: Any, plan: Callable[[str, int], str | None]) -> None:
        """`plan(operation, number)` names an error code, `lost` or None; numbers count from 1."""
        self._client = client
        self._plan = plan
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)

        def call(**request: Any) -> Any:
            self.calls.append(name)
            fault = self._plan(name, len(self.calls))
            if fault is None:
                return real(**request)
            if fault == "lost":
                real(**request)
                raise ReadTimeoutError(endpoint_url="http://table")
            raise client_error(fault, name)

        return call


def client_error(code: str, operation: str = "TransactWriteItems") -> ClientError:
    """Return the SDK's error of this code; a conflict comes as a cancelled transaction."""
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": "injected"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    if code == "TransactionConflict":
        response["Error"]["Code"] = "TransactionCanceledException"
        response["CancellationReasons"] = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    if code == "InternalServerError":
        response["ResponseMetadata"]["HTTPStatusCode"] = 500
    return ClientError(response, operation)
