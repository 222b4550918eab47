"""`make demo` in a pipe: the whole day in plain text, or one clear miss."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from sandbox.demo.clients import ROOT, Sandbox, Stack


def run_demo(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo into a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_demo_holds_and_can_be_repeated(stack: Stack) -> None:
    """L-03, L-07, TEA-05..10, R-11, ECO-03..05, ECO-10, ECO-11, ECO-15, ECO-18: seventeen steps,
    plain text of 80 columns, and where to look next."""
    ran = run_demo(COLUMNS="80")
    assert ran.returncode == 0, ran.stdout
    steps, _, after = ran.stdout.partition("All 17 steps held")
    assert re.findall(r"^(\d+)  \S", steps, re.MULTILINE) == [str(n) for n in range(1, 18)]
    # What people read on their screens is quoted whole: a number that is broken finds nobody.
    quoted = [line for line in steps.splitlines() if line.startswith('  "')]
    assert len([line for line in quoted if re.search(r"text STOP to \+1\d{10}\.\"$", line)]) == 2
    assert max(len(line) for line in steps.splitlines() if line not in quoted) <= 80
    assert "\x1b" not in ran.stdout
    assert len(re.findall(r"ev_[0-9a-f]{24}", steps)) >= 20
    assert len(re.findall(r"^  (?:accrue|reverse|expire) .* = ", steps, re.MULTILINE)) == 4
    assert re.search(r"^  Exporting: 100 %, 2,000 of 2,000, created 1,799, ", steps, re.MULTILINE)
    assert stack.api_url in after
    assert "make down" in after


def test_the_demo_stops_at_the_first_thing_that_is_wrong(stack: Stack) -> None:
    """CATAPULT refuses what it is told: step 1 says so in one line and the exit code is 1."""
    sandbox = Sandbox(stack.sandbox_url)
    sandbox.fault(platform="catapult", method="PUT", status=400)
    try:
        ran = run_demo()
    finally:
        sandbox.reset()
    assert ran.returncode == 1
    assert "both sides show Ann in" in ran.stdout
    assert "A cashier asks" not in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_without_a_stack_the_demo_says_how_to_get_one(tmp_path: Path) -> None:
    """One line that says what to do."""
    ran = run_demo(CONCORD_LOCAL_DIR=str(tmp_path))
    assert ran.returncode == 1
    assert "make up" in ran.stdout
