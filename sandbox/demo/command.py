"""The `concord` command, run as a person would run it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.demo.clients import ROOT, Stack


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and everything it said."""

    code: int
    out: str
    said: str

    @property
    def last(self) -> str:
        """Return the last line that says something, for a one-line complaint."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        return f"exit code {self.code}: {lines[-1] if lines else 'no output'}"


class Concord:
    """Runs `concord` against one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def run(self, *arguments: str) -> Ran:
        """Run `concord ARGUMENTS`."""
        chosen = ("--stack", str(self._stack.file))
        command = [sys.executable, "-m", "cli.main", *chosen, *arguments]
        env = {**os.environ, "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        return Ran(done.returncode, done.stdout, done.stdout + done.stderr)

    def follow(self, *arguments: str) -> int:
        """Run `concord ARGUMENTS` and let people see its progress; return its exit code."""
        return self.watched(*arguments).code

    def watched(self, *arguments: str) -> Ran:
        """Run `concord ARGUMENTS` and let people see its progress; `said` has what they did not."""
        chosen = ("--stack", str(self._stack.file))
        command = [sys.executable, "-m", "cli.main", *chosen, *arguments]
        shown = None if sys.stderr.isatty() else subprocess.PIPE
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=shown,
            text=True,
            timeout=300,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stdout + (done.stderr or ""))

    def import_file(self, connection_id: str, file: Path, attestation: str) -> Ran:
        """Import a CSV file of opt-ins and answer in JSON; refused rows land in a file beside."""
        words = ("--attestation", attestation, "--json")
        return self.run("consents", "import", connection_id, str(file), *words)

    def export(self, connection_id: str, number: str, file: Path) -> Ran:
        """Write the dossier of a number."""
        return self.run("consents", "export", connection_id, number, "--output", str(file))

    def verify(self, file: Path, key: str) -> Ran:
        """Prove a dossier offline."""
        return self.run("consents", "verify", str(file), "--key", key)
