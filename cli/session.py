"""What every command gets: the screen, and the API once it is needed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import httpx
import typer

from cli.api import Api
from cli.errors import usage_error
from cli.screen import Screen
from cli.target import Choice


@dataclass
class Session:
    """One run of `concord`. `transport` and `sleep` are the world's edges, for tests."""

    choice: Choice = field(default_factory=Choice)
    screen: Screen = field(default_factory=Screen)
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def api(self) -> Api:
        """Return the API of the chosen target. Raises CommandError when there is none."""
        return Api(self.choice.resolve(), transport=self.transport, sleep=self.sleep)

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin.isatty() and not self.screen.json_only

    def ask(
        self, question: str, *, secret: bool = False, default: str | None = None, else_do: str = ""
    ) -> str:
        """Ask on stderr; secrets are not echoed. Raises CommandError when nobody can answer."""
        if not self.interactive:
            raise usage_error(
                f"{question} is missing, and there is no terminal to ask at",
                else_do or "write it into the file that --file names",
            )
        answer: str = typer.prompt(question, hide_input=secret, default=default, err=True)
        return answer.strip()

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only with a yes: `--yes`, or an answer at the terminal."""
        if yes:
            return
        if not self.interactive:
            raise usage_error(f"{question} Say so with --yes.")
        typer.confirm(question, abort=True, err=True)


def session_of(ctx: typer.Context) -> Session:
    """Return the session that the main command made."""
    found = ctx.find_root().obj
    if not isinstance(found, Session):
        raise TypeError("no session: commands run below cli.main")
    return found
