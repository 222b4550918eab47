"""What planning a broadcast costs: CPU, whether that is linear, and whether memory stays flat."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.figures import Figure

MILLION: Final = 1_000_000
SIZES: Final = (10_000, 100_000, MILLION)
QUICK: Final = (10_000, 30_000, 100_000)
_TURNS: Final = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan in a process of its own: CPU in seconds, `peak` memory in bytes."""

    cpu: float
    peak: float
    chunks: int
    requests: int


def planned(size: int) -> Plan:
    """Plan for `size` recipients in a fresh process (bench/plan_run.py)."""
    command = [sys.executable, "-m", "bench.plan_run", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Plan(**json.loads(done.stdout))


def broadcast_plan(sizes: tuple[int, int, int], told: Callable[[int], None]) -> list[Figure]:
    """Measure three sizes; the smaller ones several times, since they are over so soon."""
    plans: list[list[Plan]] = []
    for place, size in enumerate(sizes):
        told(size)
        turns = 1 if place == len(sizes) - 1 else _TURNS
        plans.append([planned(size) for _ in range(turns)])
    costs = [
        statistics.median(plan.cpu for plan in found) / size
        for found, size in zip(plans, sizes, strict=True)
    ]
    small, middle, large = (f"{size:,}" for size in sizes)
    return [
        Figure(
            "broadcast_plan.cpu_seconds_per_million",
            costs[-1] * MILLION,
            "s",
            goal=60,
            note=f"{large} recipients in three groups that overlap",
        ),
        Figure(
            "broadcast_plan.linear_ratio",
            costs[-1] / costs[1],
            "x",
            goal=1.1,
            note=f"CPU per recipient at {large} over that at {middle}",
        ),
        Figure(
            "broadcast_plan.memory_ratio",
            plans[-1][0].peak / min(plan.peak for plan in plans[0]),
            "x",
            goal=1.5,
            note=f"peak of the process at {large} over that at {small}",
        ),
    ]
