"""What has no part in a race over the table: telemetry, the parameter store, the task queue."""

from __future__ import annotations

from concord.domain.credentials import ConnectionSecrets
from concord.domain.tasks import RowKey

KEY = b"k" * 32


class Quiet:
    """Telemetry that nobody reads."""

    def count(self, name: str, value: float = 1) -> None: ...
    def gauge(self, name: str, value: float) -> None: ...
    def info(self, code: str, **fields: object) -> None: ...
    def bug(self, error: Exception) -> None: ...


class FixedSecrets:
    """The parameter store, which has no part in these races."""

    client: object = None

    def load(self, connection_id: str, version: int | None) -> ConnectionSecrets:
        return ConnectionSecrets(stack_key=KEY)


class NoQueue:
    """The task queue: workers are started by hand."""

    def send(self, keys: list[RowKey], delay_seconds: int = 0) -> list[RowKey]:
        return []
