"""`python -m sandbox.stack up | down | status | run COMMAND ...`."""

import argparse
import subprocess
import sys
import time

from rich.console import Console

from sandbox.stack.layout import Layout, layout
from sandbox.stack.lifecycle import Say, down, status, up
from sandbox.stack.processes import StackError


def main() -> int:
    """Run one command; 1 and one clear line when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status", "run"))
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="the command for `run`")
    options = parser.parse_args()
    console = Console(highlight=False)
    begun = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - begun:5.1f} s[/dim]  {line}", soft_wrap=True)

    where = layout()
    try:
        if options.command == "up":
            stack = up(where, say)
            say(f"[green]up[/green]  API {stack['api_url']}  sandbox {stack['sandbox_url']}")
        elif options.command == "down":
            down(where, say)
        elif options.command == "run":
            return _run(options.rest, where, say)
        else:
            found = status(where)
            say(f"[green]up[/green]  API {found['api_url']}" if found else "down")
            return 0 if found else 1
    except StackError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("[red]interrupted: `make down` stops what was started[/red]")
        return 130
    return 0


def _run(command: list[str], where: Layout, say: Say) -> int:
    """Run a command against the stack; leave it up only if it was."""
    was_up = status(where) is not None
    try:
        up(where, say)
        return subprocess.run(command, check=False).returncode
    finally:
        if not was_up:
            down(where, say)


if __name__ == "__main__":
    sys.exit(main())
