"""Plant bugs of points one by one, and see the tests catch each: `python -m scripts.planted_bugs`.

Each bug goes into a copy of the tree of its own, which is deleted with it; the work tree is never
touched. Ends with 1 if a bug survives, or if its text is not there any more. WORDS on the command
line pick the bugs whose names contain one of them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.bugs_of_points import BUGS, PRODUCT, Bug

ROOT: Final = Path(__file__).resolve().parent.parent
# pytest's exit code where tests ran and some failed. Any other (an import error, no test found)
# says nothing of the bug.
_RED: Final = 1
_GREEN: Final = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What pytest said: its exit code, the first test that failed, and how long it took."""

    code: int
    failed: str
    seconds: float


def occurrences(bug: Bug) -> int:
    """Return how often a bug's text stands in its file: it has to be once."""
    return (ROOT / PRODUCT / bug.file).read_text().count(bug.text)


def run(tests: Sequence[str], bug: Bug | None = None) -> Run:
    """Run tests in a copy of the tree, with `bug` planted if one is given."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder)
        _copy(copy)
        if bug is not None:
            path = copy / PRODUCT / bug.file
            path.write_text(path.read_text().replace(bug.text, bug.instead))
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "--tb=no", *tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": f"{copy / 'layers/shared'}:{copy}"},
            capture_output=True,
            text=True,
            check=False,
        )
    first = re.search(r"^FAILED (?:[^\s\[]*/)?([^\s\[]+)", done.stdout, re.MULTILINE)
    return Run(done.returncode, first[1] if first else "", time.monotonic() - began)


def _copy(to: Path) -> None:
    """Copy what is tracked, as it stands in the work tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def judge(bug: Bug) -> tuple[bool, str]:
    """Plant one bug; return whether it was caught, and the line of the table that says so."""
    if occurrences(bug) != 1:
        return False, f"| {bug.name} | NOT PLANTED: its text does not stand once | |"
    found = run([bug.tests], bug)
    caught = found.code == _RED
    if caught:
        by = f"`{found.failed}`"
    else:
        by = "SURVIVED" if found.code == _GREEN else f"NOT TRIED: pytest ended with {found.code}"
    return caught, f"| {bug.name} | {by} | {found.seconds:.0f} |"


def picked(words: Iterable[str]) -> list[Bug]:
    """Return the bugs whose names contain one of the words; all if there is none."""
    wanted = list(words)
    return [bug for bug in BUGS if not wanted or any(word in bug.name for word in wanted)]


def main() -> int:
    """Print the table; return 1 unless every bug was caught by tests that are green without it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.planted_bugs")
    parser.add_argument("words", nargs="*", metavar="WORDS")
    bugs = picked(parser.parse_args().words)
    without = run(list(dict.fromkeys(bug.tests for bug in bugs)))
    if without.code != _GREEN:
        sys.stderr.write(f"not green without any bug, so they prove nothing: {without.failed}\n")
        return 1
    _say("| bug | caught by | seconds |\n|---|---|---|")
    caught = 0
    for bug in bugs:
        was_caught, line = judge(bug)
        caught += was_caught
        _say(line)
    _say(f"\n{caught} of {len(bugs)} bugs were caught")
    return 0 if bugs and caught == len(bugs) else 1


def _say(line: str) -> None:
    """Say it at once: the whole table takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
