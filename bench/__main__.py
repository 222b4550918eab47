"""`python -m bench` (make bench): measure, print a table, write bench.json."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from bench import counts
from bench.cold import RUNS, cold_webhook
from bench.emulator import emulator_check
from bench.figures import Figure, missed
from bench.night import night_sizes
from bench.plan import QUICK, SIZES, broadcast_plan
from bench.posting import MEMBERS, postings_beside_the_sdk
from bench.posting import ROUNDS as POSTING_ROUNDS
from bench.shown import VISIBLE, WIDE, save, table
from bench.sizes import sizes
from bench.warm import ROUNDS, Pair, warm_webhook, webhook_verify
from sandbox.stack.layout import layout
from sandbox.stack.processes import StackError

# These vary from run to run and machine to machine: they are shown, and fail nothing.
_TIMED = frozenset({"ms", "s", "us", "x", "/s"})


def main() -> int:
    """Measure everything; 1 when a count or a size is above its goal or what was recorded."""
    options = _options()
    with _own_stdout() as out:
        console = Console(file=out, highlight=False, width=None if out.isatty() else WIDE)
        with Console(stderr=True).status("starting") as status:
            figures = _measured(options, status, console)
        file = layout().directory / "bench.json"
        save(figures, file, owns=lambda name: not name.startswith(f"{VISIBLE}."))
        console.print(table(figures))
        console.print(f"written to {os.path.relpath(file)}")
        return _verdict(figures, console)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds of what is timed")
    parser.add_argument(
        "--record", action="store_true", help="write requests and units to bench/baseline.json"
    )
    return parser.parse_args()


def _measured(options: argparse.Namespace, status: Status, console: Console) -> list[Figure]:
    status.update("counting requests and units")
    counted = counts.count(lambda name: status.update(f"counting: {name}"))
    if options.record:
        counts.record(counted)
    status.update("comparing units with the local stack")
    checked = emulator_check()
    if not checked:
        console.print("units are computed; no local stack is up to compare them with (make up)")
    nights = night_sizes(lambda size: status.update(f"a night among {size}"))
    runs, rounds = (5, 10) if options.quick else (RUNS, ROUNDS)
    timed = [*_cold(runs, status), *_warm(rounds, status)]
    timed += [*_ledger(options, status), *_plans(options, status)]
    status.update("sizes: building, if the sources changed")
    try:
        sized = sizes()
    except StackError as problem:
        console.print(f"no sizes: {escape(str(problem))}")
        sized = []
    return [*counted, *checked, *nights, *timed, *sized]


def _cold(runs: int, status: Status) -> list[Figure]:
    status.update("cold webhook beside a bare function")
    cold = cold_webhook(runs, lambda run: status.update(f"cold webhook: run {run} of {runs}"))
    beside = "CPU of a fresh process; beside: a bare Lambda module"
    return [
        Figure("webhook_cold.ratio", cold.ratio, "x", goal=1.35, note=f"median of {runs} pairs"),
        Figure("webhook_cold.cpu", cold.ours, "ms", cold.bare, cold.ours / cold.bare, note=beside),
    ]


def _warm(rounds: int, status: Status) -> list[Figure]:
    status.update("warm webhook beside its SDK calls")
    warm = warm_webhook(rounds)
    status.update("verifier beside hmac")
    verify = webhook_verify(rounds)
    return [
        Figure(
            "opt_out_webhook.cpu_ratio",
            warm.ratio,
            "x",
            goal=3,
            note=f"median of {rounds} rounds in turns",
        ),
        _pair("opt_out_webhook.cpu", warm, "beside: the two SDK calls alone"),
        _pair("webhook_verify.microseconds", verify, "3 kB; beside: hmac alone", goal=20),
    ]


def _ledger(options: argparse.Namespace, status: Status) -> list[Figure]:
    status.update(f"postings to {MEMBERS:,} members beside the SDK alone")
    pair = postings_beside_the_sdk(2 if options.quick else POSTING_ROUNDS)
    ours, rival = 1e6 / pair.ours, 1e6 / pair.rival
    beside = f"{MEMBERS:,} members, CPU alone; beside: GetItem and TransactWriteItems as they are"
    ratio = 1 / pair.ratio
    return [
        Figure("ledger.ratio", ratio, "x", goal=0.8, note="median of the rounds", at_least=True),
        Figure("ledger.postings_per_second", ours, "/s", rival, ratio, note=beside),
    ]


def _plans(options: argparse.Namespace, status: Status) -> list[Figure]:
    return broadcast_plan(
        QUICK if options.quick else SIZES,
        lambda size: status.update(f"planning a broadcast to {size:,}"),
    )


def _pair(name: str, pair: Pair, note: str, goal: float | None = None) -> Figure:
    return Figure(name, pair.ours, "us", pair.rival, pair.ratio, goal, note)


# --- what people see -------------------------------------------------------------------------


def _verdict(figures: list[Figure], console: Console) -> int:
    above = missed(figures)
    for figure in above:
        name, value = figure.name, f"{figure.value:.4g}"
        console.print(f"[red]{name} is {value} {figure.unit}, goal {figure.goal:g}[/]")
    grown = counts.exceeded(counts.counted(figures), counts.recorded())
    for line in grown:
        console.print(f"[red]more than recorded: {escape(line)}[/]")
    return int(bool(grown) or any(figure.unit not in _TIMED for figure in above))


@contextmanager
def _own_stdout() -> Iterator[TextIO]:
    """Yield the real stdout, and send everything else that is printed nowhere.

    The functions write their log lines and metrics there; they are part of what is measured.
    """
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w") as real, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield real
        finally:
            sys.stdout.flush()
            os.dup2(real.fileno(), 1)


if __name__ == "__main__":
    sys.exit(main())
