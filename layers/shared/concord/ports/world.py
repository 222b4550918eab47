"""The clock, and what is told about our work."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from concord.domain.metrics import Metric


class Clock(Protocol):
    """Wall clock, UTC."""

    def now(self) -> datetime: ...


class Telemetry(Protocol):
    """Metrics and log lines, in stable words and without personal data."""

    def count(self, name: Metric, value: float = 1) -> None:
        """Add to a counter."""

    def gauge(self, name: Metric, value: float) -> None:
        """Report a level, in the unit that the name says."""

    def info(self, code: str, **fields: object) -> None:
        """Write one log line with a stable code."""

    def bug(self, error: Exception) -> None:
        """Write down what nobody foresaw, and raise the metric that wakes somebody."""
