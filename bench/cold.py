"""A cold webhook beside a bare Lambda function: fresh interpreters, in turns, CPU of the child."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.recording import recorded_stop

ROOT: Final = Path(__file__).resolve().parents[1]
_PATHS: Final = (str(ROOT), str(ROOT / "layers" / "shared"), sysconfig.get_path("purelib"))
RUNS: Final = 15
_WARM_UPS: Final = 2  # .pyc files and the page cache


@dataclass(frozen=True, slots=True)
class Cold:
    """Medians: of each side's CPU milliseconds, and of the ratios of runs side by side."""

    ours: float
    bare: float
    ratio: float


def cold_webhook(runs: int = RUNS, told: Callable[[int], None] = lambda _: None) -> Cold:
    """Measure import + first STOP served, user and system time of the whole child process."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        cassette = Path(folder) / "stop.cassette"
        recorded_stop().save(cassette)
        for run in range(-_WARM_UPS, runs):
            # Who goes first changes, so that neither always finds the caches of the other.
            order = ("ours", "bare") if run % 2 else ("bare", "ours")
            spent = {name: _spent(name, cassette) for name in order}
            if run >= 0:
                ours.append(spent["ours"])
                bare.append(spent["bare"])
                told(run + 1)
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    return Cold(*(statistics.median(numbers) for numbers in (ours, bare, ratios)))


def _spent(name: str, cassette: Path) -> float:
    """Return the CPU milliseconds of one child; -I -S keep the checkout's own set-up out of it."""
    script = str(ROOT / "bench" / f"cold_{name}.py")
    command = [sys.executable, "-I", "-S", script, str(cassette), *_PATHS]
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env={})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace"))
    return (usage.ru_utime + usage.ru_stime) * 1000
