"""`python -m bench.judge` (make judge): does each emulator let one of 32 writers win?

What races on an emulator prove is worth as much as its own locks. Counted are rounds with several
winners, with none, or with half a transaction in the table (docs/emulators.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.stack import dynamodb_local, ministack
from sandbox.stack.layout import REGION, layout
from sandbox.stack.processes import StackError
from sandbox.stack.tools import ROOT_KEY
from tests.support.judge import THREADS, Verdict, judge
from tests.support.tables import create_table

ROUNDS: Final = 1_000
_MOST: Final = 10_000
_WIDE: Final = 100
_COLUMNS: Final = ("several", "none", "torn", "unclear")
# Its own patience: 32 threads share this machine with the emulator.
_CONFIG: Final = Config(
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=THREADS,
    retries={"mode": "standard", "total_max_attempts": 1},
)


@dataclass(frozen=True, slots=True)
class Emulator:
    """Something that answers as DynamoDB; `running` yields its address, None in this process.

    `races`: our tests race on it, so a round that went wrong there is a failure.
    """

    name: str
    version: Callable[[], str]
    running: Callable[[], AbstractContextManager[str | None]]
    races: bool = False


@contextmanager
def _moto() -> Iterator[None]:
    from moto import mock_aws

    with mock_aws():
        yield


EMULATORS: Final = (
    Emulator("DynamoDB Local", dynamodb_local.version, dynamodb_local.running, races=True),
    Emulator("moto", lambda: metadata.version("moto"), _moto),
    Emulator("MiniStack", ministack.version, ministack.running),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """An emulator and what came of its races; no verdicts when it cannot be had here."""

    emulator: Emulator
    version: str
    verdicts: Sequence[Verdict]
    missing: str = ""

    @property
    def fails(self) -> bool:
        """Whether our race tests stand on it and must not."""
        clean = bool(self.verdicts) and all(verdict.is_clean for verdict in self.verdicts)
        return self.emulator.races and not clean


def main() -> int:
    """Judge every emulator; 1 when the one that race tests stand on is not clean, or not here."""
    options = _options()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    file = layout().directory / "judge.json"
    judged: list[Judged] = []
    with Console(stderr=True).status("starting") as status:
        for emulator in (each for each in EMULATORS if each.name in options.only):

            def told(race: str, number: int, name: str = emulator.name) -> None:
                status.update(f"{name}: {race}, round {number:,} of {options.rounds:,}")

            judged.append(_judged(emulator, options.rounds, told))
            # Each time: a thousand rounds take minutes, and what is known should not be lost.
            _save(judged, file)
    console.print(_table(judged))
    for each in judged:
        if each.missing:
            console.print(f"{each.emulator.name} is not judged: {escape(each.missing)}")
    console.print(f"written to {os.path.relpath(file)}")
    return int(any(each.fails for each in judged))


def _options() -> argparse.Namespace:
    def rounds(text: str) -> int:
        number = int(text)
        if not 1 <= number <= _MOST:
            raise argparse.ArgumentTypeError(f"between 1 and {_MOST:,}")
        return number

    parser = argparse.ArgumentParser(prog="python -m bench.judge", description=__doc__)
    parser.add_argument(
        "--rounds", type=rounds, default=ROUNDS, help=f"for each race; {ROUNDS:,} if not said"
    )
    parser.add_argument(
        "--only", nargs="+", choices=(names := [each.name for each in EMULATORS]), default=names
    )
    return parser.parse_args()


def _judged(emulator: Emulator, rounds: int, told: Callable[[str, int], None]) -> Judged:
    try:
        with emulator.running() as url:
            client = _client(url)
            table = create_table(client)
            return Judged(emulator, emulator.version(), judge(client, table, rounds, told))
    except StackError as problem:
        return Judged(emulator, "", (), missing=str(problem))


def _client(url: str | None) -> Any:
    return boto3.session.Session(
        aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY, region_name=REGION
    ).client("dynamodb", endpoint_url=url, config=_CONFIG)


def _table(judged: Sequence[Judged]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("emulator", "version", "race"):
        table.add_column(name, no_wrap=True)
    for name in ("rounds", *_COLUMNS):
        table.add_column(name, justify="right")
    for each in judged:
        for verdict in each.verdicts:
            counts = [f"{getattr(verdict, name):,}" for name in _COLUMNS]
            colour = "green" if verdict.is_clean else "red"
            table.add_row(
                each.emulator.name,
                each.version,
                verdict.race,
                f"{verdict.rounds:,}",
                *(f"[{colour}]{count}[/]" for count in counts),
            )
    return table


def _save(judged: Sequence[Judged], file: Path) -> None:
    """Write what was found; what the file says of other emulators stays."""
    now = [_as_json(each) for each in judged]
    before = json.loads(file.read_text()) if file.exists() else []
    names = {each["emulator"] for each in now}
    kept = [each for each in before if each["emulator"] not in names]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([*kept, *now], indent=2) + "\n")


def _as_json(judged: Judged) -> dict[str, Any]:
    return {
        "emulator": judged.emulator.name,
        "version": judged.version,
        "races": [asdict(verdict) for verdict in judged.verdicts],
    }


if __name__ == "__main__":
    raise SystemExit(main())
