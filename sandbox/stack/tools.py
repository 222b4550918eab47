"""The outside tools (uvx, sam, MiniStack): where they are, and the environment they get."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.stack.layout import MINISTACK, MINISTACK_WITH, REGION, ROOT, SAM
from sandbox.stack.processes import StackError

# What passes from the developer's environment: how to find programs, certificates and packages.
# Everything else stays out; above all credentials, and PYTHON* which would change what is imported.
_PASSED = {
    "PATH",
    "HOME",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
}
_PASSED_PREFIXES = ("LC_", "XDG_", "UV_", "PIP_")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}

# MiniStack knows this pair as root whatever it is told. It never leaves this machine.
ROOT_KEY = "test"


def uvx() -> str:
    """Return a uvx that works; a pyenv shim may exist and fail, so each candidate is asked."""
    candidates = (Path(sys.prefix, "bin", "uvx"), shutil.which("uvx"))
    for candidate in filter(None, candidates):
        try:
            subprocess.run([str(candidate), "--version"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(candidate)
    raise StackError("uvx is missing: run `make setup`")


def architecture() -> str:
    """Return this machine's architecture as Lambda spells it."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def clean_environment() -> dict[str, str]:
    """Return the environment of an outside tool."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED or name.startswith(_PASSED_PREFIXES) or name.lower() in _PROXIES
    }
    # sam's builder wants a python3.13 that has pip, first on PATH.
    env["PATH"] = f"{Path(sys.prefix, 'bin')}{os.pathsep}{env.get('PATH', os.defpath)}"
    env["NO_PROXY"] = env["no_proxy"] = "127.0.0.1,localhost"
    return env


def ministack_command() -> list[str]:
    """Return the command that runs MiniStack in an environment of its own."""
    extras = [part for package in MINISTACK_WITH for part in ("--with", package)]
    return [uvx(), "--python", sys.executable, *extras, MINISTACK]


def ministack_environment(port: int, scratch: Path) -> dict[str, str]:
    """Return MiniStack's environment: signatures and roles are enforced, loopback only."""
    return clean_environment() | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        # A developer who returns from lunch should not meet cold functions.
        "LAMBDA_WARM_TTL_SECONDS": "14400",
        "TMPDIR": str(scratch),
    }


def sam(arguments: Sequence[str], log: Path, endpoint_url: str | None = None) -> None:
    """Run sam against the local stack; a StackError with its last words when it fails."""
    env = clean_environment() | {
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
        # Seconds between looks at the stack; the default of 5 is meant to be kind to AWS.
        "SAM_CLI_POLL_DELAY": "0.2",
    }
    if endpoint_url:
        env["AWS_ENDPOINT_URL"] = endpoint_url
    # sam looks beside the template, and the built one lies elsewhere.
    config = ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            [uvx(), "--python", sys.executable, "--from", SAM, "sam", *arguments, *config],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise StackError(f"sam {arguments[0]} failed: {_reason(log)} (all of it: {log})")


def _reason(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line.strip() for line in lines if line.startswith(("Error:", "Build Failed"))]
    return errors[-1] if errors else "no reason given"
