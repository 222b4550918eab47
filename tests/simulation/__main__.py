"""`make simulate SEEDS=1000` plays seeds; `make simulate SEED=7` replays one, step by step."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from tests.simulation.runs import SeedFailedError, play

_PROCESSES: Final = 2
_EVERY: Final = 50
_SHOWN: Final = 10


@dataclass(frozen=True)
class Result:
    """What came of a seed; `failed` says what broke, "" = nothing."""

    seed: int
    steps: int
    counts: Counter[str]
    failed: str = ""


def result_of(seed: int) -> Result:
    """Play a seed, in whatever process."""
    try:
        played = play(seed)
    except SeedFailedError as failed:
        return Result(seed, failed.trace.steps, failed.trace.counts, str(failed))
    return Result(seed, played.trace.steps, played.trace.counts)


def many(first: int, count: int) -> int:
    """Play seeds on two processes; print how far it is, what happened, and what failed."""
    began, steps, failed = time.monotonic(), 0, 0
    counts: Counter[str] = Counter()
    for number, result in enumerate(_results(first, count), 1):
        counts += result.counts
        steps += result.steps
        if result.failed:
            failed += 1
            if failed <= _SHOWN:
                _say(f"FAILED {result.failed}\n")
        if number % _EVERY == 0 or number == count:
            passed = time.monotonic() - began
            _say(f"{number} of {count} seeds, {steps:,} steps, {failed} failed, {passed:.0f} s")
    _say("\nwhat happened:")
    for name, times in sorted(counts.items()):
        _say(f"{times:10,}  {name}")
    return 1 if failed else 0


def _results(first: int, count: int) -> Iterator[Result]:
    with ProcessPoolExecutor(_PROCESSES) as pool:
        yield from pool.map(result_of, range(first, first + count), chunksize=1)


def one(seed: int) -> int:
    """Replay a seed and print each step."""
    try:
        played = play(seed, _say)
    except SeedFailedError as failed:
        _say(f"\nFAILED {failed}")
        return 1
    _say(f"\nseed {seed}: {played.trace.steps:,} steps, trace {played.trace.digest}")
    return 0


def _say(line: str) -> None:
    """Say it past whoever holds stdout back."""
    assert sys.__stdout__ is not None
    sys.__stdout__.write(f"{line}\n")
    sys.__stdout__.flush()


def main() -> int:
    """Return 1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--seed", type=int, help="replay this one, and print every step")
    given = parser.parse_args()
    return many(given.first, given.seeds) if given.seed is None else one(given.seed)


if __name__ == "__main__":
    sys.exit(main())
