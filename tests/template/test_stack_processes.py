"""The local stack stops what it started, and nothing else."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.stack.processes import StackError, is_alive, start, stop, wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# A child that the command itself started, as MiniStack starts its functions.
PARENT = "import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', 'import time; "
PARENT += "time.sleep(60)']); print(c.pid, flush=True); time.sleep(60)"


def test_a_process_is_stopped_with_its_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = start("parent", [sys.executable, "-c", PARENT], os.environ, log)
    wait_for(parent, lambda: log.read_text().endswith("\n"), log, 10)
    child = int(log.read_text())
    assert is_alive(parent)
    assert stop(parent)
    assert not is_alive(parent)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_stranger_with_a_used_id_is_left_alone(tmp_path: Path) -> None:
    """Ids are used again: only a process that started when ours did is ours."""
    stranger = start("stranger", SLEEP, os.environ, tmp_path / "log")
    ours = replace(stranger, born="long ago")
    assert not is_alive(ours)
    assert not stop(ours)
    assert is_alive(stranger)
    assert stop(stranger)


def test_one_that_dies_at_once_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    dead = start("it", [sys.executable, "-c", "raise SystemExit('no such port')"], os.environ, log)
    with pytest.raises(StackError, match="no such port"):
        wait_for(dead, lambda: False, log, 10)
