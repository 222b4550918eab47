"""What a function does in Lambda's init phase, and that it does nothing elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ANSWERING = ["functions.webhooks.receive", "functions.connect.app"]
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "concord", "AWS_DEFAULT_REGION": "eu-west-1"}
STACK = {
    "TABLE_NAME": "concord",
    "PARAMETER_PREFIX": "/concord/test",
    "SAFETY_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/safety",
}
# A request would fail here at once: nothing may be sent before somebody asks.
SCRIPT = """
import importlib, socket, sys
def refuse(*_): raise AssertionError("a request")
socket.socket.connect = refuse
importlib.import_module(sys.argv[1])
from concord import bootstrap
from concord.entrypoint.observability import TELEMETRY
if "boto3" not in sys.modules:
    print("nothing")
else:
    parts = bootstrap.services(TELEMETRY).parts
    print(parts.table._given is not None and parts.secrets._given is not None)
"""


def _imported(module: str, environment: dict[str, str]) -> str:
    """Import a function in a process of its own; returns what its clients are."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, module],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "AWS_EC2_METADATA_DISABLED": "true"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ANSWERING)
def test_clients_are_made_before_anybody_waits(module: str) -> None:
    """TEA-20: the SDK is loaded in the init phase, where the CPU is whole and no budget runs."""
    assert _imported(module, LAMBDA | STACK) == "True"


@pytest.mark.parametrize("module", ANSWERING)
def test_importing_a_function_elsewhere_touches_nothing(module: str) -> None:
    assert _imported(module, STACK) == "nothing"


@pytest.mark.parametrize("module", ANSWERING)
def test_a_missing_variable_is_told_to_who_asks(module: str) -> None:
    """TEA-21: an init phase that failed would leave the caller with the gateway's bare 502."""
    assert _imported(module, LAMBDA) == "nothing"
