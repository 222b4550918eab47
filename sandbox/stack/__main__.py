"""`python -m sandbox.stack up | down | status`."""

import argparse
import sys
import time

from rich.console import Console

from sandbox.stack.layout import layout
from sandbox.stack.lifecycle import down, status, up
from sandbox.stack.processes import StackError


def main() -> int:
    """Run one command; 1 and one clear line when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status"))
    command = parser.parse_args().command
    console = Console(highlight=False)
    begun = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - begun:5.1f} s[/dim]  {line}", soft_wrap=True)

    where = layout()
    try:
        if command == "up":
            stack = up(where, say)
            say(f"[green]up[/green]  API {stack['api_url']}  sandbox {stack['sandbox_url']}")
        elif command == "down":
            down(where, say)
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


if __name__ == "__main__":
    sys.exit(main())
