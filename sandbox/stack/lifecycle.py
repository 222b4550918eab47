"""Up, down and status of one instance of the local stack."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sandbox.stack import scratch
from sandbox.stack.build import build, source_hash
from sandbox.stack.layout import REGION, STACK_NAME, Layout
from sandbox.stack.processes import (
    Started,
    answers,
    free_ports,
    is_alive,
    listens,
    start,
    stop_all,
    wait_for,
)
from sandbox.stack.tools import clean_environment, ministack_command, ministack_environment

MINISTACK, SANDBOX = "ministack", "sandbox"

type Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """What `down` needs: the processes we started, and of which sources the stack was made."""

    processes: list[Started]
    ports: dict[str, int]
    source: str
    operator: dict[str, str]

    def save(self, where: Layout) -> None:
        content = {
            "processes": [process.as_dict() for process in self.processes],
            "ports": self.ports,
            "source": self.source,
            "operator": self.operator,
        }
        _write(where, where.pids_file, content)

    @staticmethod
    def load(where: Layout) -> "Running | None":
        try:
            content = json.loads(where.pids_file.read_text())
        except FileNotFoundError:
            return None
        processes = [Started(**process) for process in content["processes"]]
        return Running(processes, content["ports"], content["source"], content["operator"])

    def is_healthy(self) -> bool:
        return len(self.processes) == 2 and all(is_alive(process) for process in self.processes)


def up(where: Layout, say: Say) -> dict[str, Any]:
    """Bring the stack up, or bring a running one up to date; return the content of stack.json."""
    wanted = source_hash()
    running = Running.load(where)
    if running and not running.is_healthy():
        down(where, say)
        running = None
    if running and where.stack_file.exists() and running.source == wanted:
        say("already up, nothing changed")
        return _read_stack(where)
    if running:
        say("sources changed: building and deploying again")
    else:
        running = _start(where)
        say("MiniStack and the sandbox are starting")
    # The build needs neither of them, and takes longest.
    say("built for this machine" if build(wanted, where) else "build is up to date")
    _wait(running, where)
    return _deploy(running, wanted, where, say)


def down(where: Layout, say: Say) -> None:
    """Stop what `up` started, and nothing else."""
    running = Running.load(where)
    if running is None:
        say("nothing is up")
        return
    for process, stopped in zip(running.processes, stop_all(running.processes), strict=True):
        say(f"{process.name} stopped" if stopped else f"{process.name} was not running")
    where.stack_file.unlink(missing_ok=True)
    where.pids_file.unlink(missing_ok=True)
    scratch.discard(where.scratch)


def status(where: Layout) -> dict[str, Any] | None:
    """Return the content of stack.json if the stack is up."""
    running = Running.load(where)
    if running is None or not running.is_healthy() or not where.stack_file.exists():
        return None
    return _read_stack(where)


def _start(where: Layout) -> Running:
    scratch.make(where.scratch)
    emulator, sandbox, proxy = free_ports(3)
    running = Running([], {"emulator": emulator, "sandbox": sandbox, "proxy": proxy}, "", {})
    server = [sys.executable, "-m", "sandbox.server", "--port", str(sandbox)]
    upstream = ["--proxy-port", str(proxy), "--upstream", f"http://127.0.0.1:{emulator}"]
    commands = (
        (MINISTACK, ministack_command(), ministack_environment(emulator, where.scratch)),
        (SANDBOX, [*server, *upstream], clean_environment()),
    )
    for name, command, env in commands:
        running.processes.append(start(name, command, env, where.log(name)))
        # Written at once: `down` must find it even if the next step fails.
        running.save(where)
    return running


def _wait(running: Running, where: Layout) -> None:
    ports = running.ports
    health = f"http://127.0.0.1:{ports['emulator']}/_ministack/health"
    calls = f"http://127.0.0.1:{ports['sandbox']}/_calls"
    ready = {
        MINISTACK: lambda: answers(health),
        SANDBOX: lambda: answers(calls) and listens(ports["proxy"]),
    }
    for process in running.processes:
        wait_for(process, ready[process.name], where.log(process.name), 60)


def _deploy(running: Running, wanted: str, where: Layout, say: Say) -> dict[str, Any]:
    # boto3 takes half a second to import; an unchanged stack needs none of it.
    from sandbox.stack.deploy import Endpoints, deploy, describe
    from sandbox.stack.identities import Credentials, make_keys, make_operator
    from sandbox.stack.warm import warm

    urls = {name: f"http://127.0.0.1:{port}" for name, port in running.ports.items()}
    endpoints = Endpoints(**urls)
    if not running.operator:
        running.operator.update(asdict(make_operator(endpoints.emulator)))
        running.save(where)
    deploy(endpoints, where)
    deployed = describe(endpoints)
    say(f"deployed {len(deployed.functions)} functions")
    stack = {
        "api_url": deployed.api_url,
        "endpoint_url": endpoints.emulator,
        "region": REGION,
        **running.operator,
        "stack_name": STACK_NAME,
        "sandbox_url": endpoints.sandbox,
        "functions": deployed.functions,
        "table": deployed.table,
    }
    _write(where, where.stack_file, stack)
    make_keys(where)
    warm(endpoints, deployed, Credentials(**running.operator))
    replace(running, source=wanted).save(where)
    return stack


def _read_stack(where: Layout) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(where.stack_file.read_text())
    return content


def _write(where: Layout, file: Any, content: dict[str, Any]) -> None:
    where.directory.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=2) + "\n")
    fresh.replace(file)
