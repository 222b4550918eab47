"""Commands that the documentation tells people to type exist, with the options it names."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cli.main import app
from tests.docs.pages import ROOT, blocks, pages

_SHELL = ("sh", "bash", "console", "shell")
_START = re.compile(r"(?:^|&&|\()\s*(?:\$ )?(?:\.venv/bin/)?concord\s+(.*)")
_MAKE = re.compile(r"\bmake ([a-z][a-z0-9-]*)")


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _made(text: str) -> set[str]:
    """Return the targets of all `make x`, in code only: prose may "make sure"."""
    code = [*blocks(text, *_SHELL), *re.findall(r"`([^`\n]+)`", text)]
    return {target for part in code for target in _MAKE.findall(part)}


def _typed(text: str) -> Iterator[str]:
    """Yield what follows `concord` on each command line of the shell blocks."""
    for block in blocks(text, *_SHELL):
        for line in block.replace("\\\n", " ").splitlines():
            if found := _START.search(line):
                yield found[1]


def _fault(typed: str) -> str | None:
    """Return what is wrong with the arguments of one `concord` command line."""
    words = shlex.split(typed.replace("[", " ").replace("]", " "), comments=True)
    command = root = typer.main.get_command(app)
    for word in words:
        below = getattr(command, "commands", {})
        if below and not word.startswith("-"):
            if word not in below:
                return f"no such command: {word}"
            command = below[word]
    if getattr(command, "commands", {}):
        return "names a group, not a command" if "--help" not in words else None
    known = {
        option
        for parameter in (*command.params, *root.params)
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    wrong = [word for word in words if word.startswith("-") and word.split("=")[0] not in known]
    return f"no such option: {', '.join(wrong)}" if wrong else None


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """Each `make x` is a target, each `concord x` a command that knows its options."""
    text = page.read_text()
    assert _made(text) - _targets() == set()
    assert {typed: fault for typed in _typed(text) if (fault := _fault(typed))} == {}


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("consents show C +15555550100 --channel sms", None),
        ("--json health # a comment", None),
        ("consents shwo C", "no such command: shwo"),
        ("connections rotate C --waht token", "no such option: --waht"),
        ("connections", "names a group, not a command"),
    ],
)
def test_faults_are_seen(typed: str, fault: str | None) -> None:
    """A misspelt command or option is one: otherwise nothing above could fail."""
    assert _fault(typed) == fault


def test_the_readme_lists_every_target() -> None:
    """README.md names each target that `make` lists, and only `help` goes without saying."""
    named = _made((ROOT / "README.md").read_text())
    assert _targets() - named - {"help"} == set()
