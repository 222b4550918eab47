"""The local stack stops what it started, and nothing else."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from concord.adapters.dynamodb.task_keys import read_task
from concord.adapters.sqs import decode_safety
from concord.domain.tasks import RowKey, TaskKind
from concord.entrypoint.stream import inserted_keys
from sandbox.stack import scratch
from sandbox.stack.processes import StackError, is_alive, start, stop, stop_all, wait_for
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
    used, left = tmp_path / "tmp", tmp_path / "tmp.00000000.gone"
    for folder in (used, left, tmp_path / "logs"):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").touch()
    scratch.discard(used)
    assert not used.exists()
    only(tmp_path, "logs")
    assert (tmp_path / "logs" / "deep" / "file").exists()
    scratch.discard(used)  # nothing is there, and nothing happens


def only(folder: Path, *names: str) -> None:
    """Wait until the folder holds these and nothing else."""
    deadline = time.monotonic() + 10
    while sorted(path.name for path in folder.iterdir()) != sorted(names):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_scratch_lies_in_memory_where_there_is_room(tmp_path: Path) -> None:
    """Nobody else may read it, and what is discarded leaves memory as well."""
    memory, used = tmp_path / "memory", tmp_path / "own" / "tmp"
    memory.mkdir()
    scratch.make(used, memory, room=0)
    (used / "file").touch()
    (place,) = memory.iterdir()
    assert (place / "file").exists()
    assert place.stat().st_mode & 0o077 == 0

    scratch.make(used, memory, room=0)  # an instance that was killed starts with an empty one
    assert list(used.iterdir()) == []
    scratch.discard(used)
    assert not used.is_symlink()
    only(memory)


@pytest.mark.parametrize("there", [True, False])
def test_scratch_lies_on_disk_elsewhere(tmp_path: Path, there: bool) -> None:
    """A machine without /dev/shm, or a container with next to nothing in it."""
    memory, used = tmp_path / "memory", tmp_path / "own" / "tmp"
    if there:
        memory.mkdir()
    scratch.make(used, memory, room=2**62)
    assert used.is_dir()
    assert not used.is_symlink()


def test_functions_are_warmed_with_events_they_understand() -> None:
    """An event that they refuse to read would start the process and load none of the work."""
    found = events()
    (key,) = inserted_keys(found["SyncRelay"])
    assert key == RowKey(**json.loads(found["SyncRunTask"]["Records"][0]["body"]))
    reference = read_task(key)
    assert reference is not None
    assert reference.kind is TaskKind.PUSH_CONSENT
    kept = decode_safety(found["WebhookRescue"]["Records"][0]["body"])
    assert (kept.kind, kept.platform) == ("webhook", "text_em_all")
