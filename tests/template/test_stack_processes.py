"""The local stack stops what it started, and nothing else."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from concord.adapters.dynamodb.keys import read_task
from concord.adapters.sqs import decode_key, decode_safety
from concord.domain.tasks import TaskKind
from concord.entrypoint.stream import inserted_keys
from sandbox.stack.processes import StackError, is_alive, start, stop, stop_all, wait_for
from sandbox.stack.scratch import discard
from sandbox.stack.warm import events

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# A child that the command itself started, as MiniStack starts its functions.
PARENT = "import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', 'import time; "
PARENT += "time.sleep(60)']); print(c.pid, flush=True); time.sleep(60)"

LINGERS = 1.0
# One that takes its time to end, and says when it can be told to.
STUBBORN = "import signal, sys, time; "
STUBBORN += f"signal.signal(signal.SIGTERM, lambda *_: (time.sleep({LINGERS}), sys.exit())); "
STUBBORN += "print('ready', flush=True); time.sleep(60)"


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


def test_all_are_stopped_at_once(tmp_path: Path) -> None:
    """One that takes its time holds up nobody; one that is gone is told apart."""
    slow = [sys.executable, "-c", STUBBORN]
    processes = [start(name, slow, os.environ, tmp_path / name) for name in "ab"]
    for each in processes:
        log = tmp_path / each.name
        wait_for(each, lambda log=log: bool(log.read_text()), log, 10)  # type: ignore[misc]
    gone = replace(processes[0], born="long ago")
    begun = time.monotonic()
    assert stop_all([*processes, gone]) == [True, True, False]
    assert time.monotonic() - begun < 2 * LINGERS
    assert not any(is_alive(each) for each in processes)
    assert stop_all([]) == []


def test_scratch_is_gone_at_once_and_deleted_by_somebody_else(tmp_path: Path) -> None:
    """What an earlier process left behind is deleted with it; what lies beside it stays."""
    scratch, left = tmp_path / "tmp", tmp_path / "tmp.00000000.gone"
    for folder in (scratch, left, tmp_path / "logs"):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").touch()
    discard(scratch)
    assert not scratch.exists()
    deadline = time.monotonic() + 10
    while [path.name for path in tmp_path.iterdir()] != ["logs"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "logs" / "deep" / "file").exists()
    discard(scratch)  # nothing is there, and nothing happens


def test_functions_are_warmed_with_events_they_understand() -> None:
    """An event that they refuse to read would start the process and load none of the work."""
    found = events()
    (key,) = inserted_keys(found["SyncRelay"])
    assert key == decode_key(found["SyncRunTask"]["Records"][0]["body"])
    reference = read_task(key)
    assert reference is not None
    assert reference.kind is TaskKind.PUSH_CONSENT
    kept = decode_safety(found["WebhookRescue"]["Records"][0]["body"])
    assert (kept.kind, kept.platform) == ("webhook", "text_em_all")
