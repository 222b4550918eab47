"""Reads the metrics that functions print: CloudWatch's embedded metric format on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """One metric of one line."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    service: str
    value: float


def metrics(out: str) -> Iterator[Metric]:
    """Yield what CloudWatch would make of these lines."""
    for line in out.splitlines():
        try:
            blob = json.loads(line)
        except ValueError:
            continue
        if not isinstance(blob, dict) or "_aws" not in blob:
            continue
        for directive in blob["_aws"]["CloudWatchMetrics"]:
            yield from _of(directive, blob)


def emitted(out: str, name: str) -> float:
    """Return the sum of one metric's values, whoever emitted it."""
    return sum(metric.value for metric in metrics(out) if metric.name == name)


def _of(directive: dict[str, Any], blob: dict[str, Any]) -> Iterator[Metric]:
    for dimensions in directive["Dimensions"]:
        pairs = tuple((name, str(blob[name])) for name in dimensions)
        for metric in directive["Metrics"]:
            value = sum(blob[metric["Name"]])
            yield Metric(directive["Namespace"], metric["Name"], pairs, blob["service"], value)
