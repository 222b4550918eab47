"""Background processes: start one, know it again, stop just that one."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.stack.layout import ROOT


class StackError(Exception):
    """The local stack cannot be brought up; the text is one line for the person at the keyboard."""


@dataclass(frozen=True)
class Started:
    """A process of ours; ids are used again, so its start time tells that it is still ours."""

    name: str
    pid: int
    born: str

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def start(name: str, command: Sequence[str], env: Mapping[str, str], log: Path) -> Started:
    """Start a command in a process group of its own, with its output in a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Started(name, process.pid, _born(process.pid))


def is_alive(started: Started) -> bool:
    """Tell whether this very process still runs (a zombie does not)."""
    born = _born(started.pid)
    return bool(born) and born == started.born


def stop_all(processes: Sequence[Started]) -> list[bool]:
    """Stop them at the same time; the answers are those of `stop`, in their order."""
    with ThreadPoolExecutor(max(1, len(processes))) as pool:
        return list(pool.map(stop, processes))


def stop(started: Started, patience: float = 5.0) -> bool:
    """Stop the process and its children; False when it was not there any more."""
    if not is_alive(started):
        return False
    for kill in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, kill)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _group_lives(started.pid):
                return True
            time.sleep(0.05)
    return True


def free_ports(count: int) -> list[int]:
    """Return distinct ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(started: Started, ready: Callable[[], bool], log: Path, seconds: float) -> None:
    """Wait until the process is ready; a StackError with its last words if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return
        if not is_alive(started):
            raise StackError(f"{started.name} stopped at once: {last_words(log)}")
        time.sleep(0.1)
    raise StackError(f"{started.name} did not answer within {seconds:.0f} s: see {log}")


def answers(url: str, seconds: float = 2, headers: Mapping[str, str] | None = None) -> bool:
    """Tell whether a GET of the address is answered with success."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return bool(response.status < 400)
    except (OSError, urllib.error.URLError):
        return False


def listens(port: int) -> bool:
    """Tell whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def last_words(log: Path) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"no output, see {log}"


def _born(pid: int) -> str:
    """Return when the process started, in the system's own words; empty when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # After the command's closing bracket: state is field 0, the start time field 19.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] == "Z" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return "" if shown.startswith("Z") else shown.partition(" ")[2].strip()


def _group_lives(group: int) -> bool:
    # Reap our own child first (status of a stop in the same process), or it stays as a zombie.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
