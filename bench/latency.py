"""`python -m bench.latency` (make latency): from STOP until both platforms show the opt-out.

TEA-11 asks for 5 s at p99. This is a measurement of the local stack: emulated AWS, platforms that
answer at once, everything on one machine. It is reported, and fails nothing but a STOP that never
arrives (docs/bench.md).
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console

from bench.figures import Figure
from bench.shown import VISIBLE, WIDE, save, table
from sandbox.demo.clients import NoStackError, read_stack
from sandbox.demo.stage import MissError, Person, Stage
from sandbox.demo.told import Sides, Told
from sandbox.stack.layout import layout

NUMBERS: Final = 100
_MOST: Final = 1_000
_GOAL: Final = 5_000.0  # ms
_PATIENCE: Final = 180.0  # a failed task comes back after a minute or two
_PAUSE: Final = 0.01
_TAKEN: Final = (204, 202)  # 202: storage was slow, the safety queue has it
_IN: Final = Sides(True, (True,))
_OUT: Final = Sides(False, (False,))


def main() -> int:
    """Measure, print and keep the figures; 1 when there is no stack or an opt-out never shows."""
    numbers = _options().numbers
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    try:
        with Console(stderr=True).status("starting") as status:
            took = stop_times(numbers, status.update)
    except (NoStackError, MissError) as problem:
        console.print(f"[red]{problem}[/red]", soft_wrap=True)
        return 1
    figures = summary(took)
    file = layout().directory / "bench.json"
    save(figures, file, owns=lambda name: name.startswith(f"{VISIBLE}."))
    console.print(table(figures))
    console.print(f"written to {os.path.relpath(file)}")
    return 0


def _options() -> argparse.Namespace:
    def numbers(text: str) -> int:
        number = int(text)
        if not 1 <= number <= _MOST:
            raise argparse.ArgumentTypeError(f"between 1 and {_MOST:,}")
        return number

    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument(
        "--numbers", type=numbers, default=NUMBERS, help=f"how many; {NUMBERS} if not said"
    )
    return parser.parse_args()


def stop_times(numbers: int, told: Callable[[str], None]) -> list[float]:
    """Let so many customers join, then text STOP one after the other; return milliseconds of each.

    The clock starts before the text is handed to the webhook, and stops when both platforms were
    seen to show the opt-out. NoStackError, MissError (a text that does not show in three minutes).
    """
    stage = Stage(read_stack(), Told(Console(file=io.StringIO())))
    people: list[Person] = []
    for number in range(1, numbers + 1):
        told(f"joining: {number} of {numbers}")
        (person,) = stage.shoppers(f"Shopper {number}")
        _text(stage, person, "JOIN", _IN)
        people.append(person)
    took = []
    for number, person in enumerate(people, 1):
        told(f"leaving: {number} of {numbers}")
        took.append(_text(stage, person, "STOP", _OUT))
    return took


def _text(stage: Stage, person: Person, word: str, wanted: Sides) -> float:
    """Return the milliseconds from the text until both sides were seen to show it."""
    begun = time.monotonic()
    answer = stage.sandbox.text(person.number, stage.shop.number, word).status_code
    if answer not in _TAKEN:
        raise MissError(f"{word} of {person.name} is answered {answer}")
    while (sides := stage.sides(person)) != wanted:
        if time.monotonic() - begun > _PATIENCE:
            raise MissError(f"{word} of {person.name} does not show on both sides; saw {sides}")
        time.sleep(_PAUSE)
    return (time.monotonic() - begun) * 1000


def summary(took: Sequence[float]) -> list[Figure]:
    """Return p50, p99 and max of these milliseconds."""
    note = f"{len(took)} numbers, one after the other, local stack"
    return [
        Figure(f"{VISIBLE}.p50", percentile(took, 50), "ms", note=note),
        Figure(f"{VISIBLE}.p99", percentile(took, 99), "ms", goal=_GOAL, note=note),
        Figure(f"{VISIBLE}.max", max(took), "ms", note=note),
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent of them do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


if __name__ == "__main__":
    sys.exit(main())
