"""Runs scheduled functions of the stack now, as of any time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.demo.clients import Stack
from sandbox.stack.deploy import client


def run_schedule(stack: Stack, function: str, as_of: datetime) -> None:
    """Invoke a scheduled function and wait for its end; a failure is an error here."""
    event = f'{{"time": "{as_of:%Y-%m-%dT%H:%M:%SZ}"}}'
    lambdas: Any = client("lambda", stack.endpoint_url)
    answer = lambdas.invoke(FunctionName=stack.functions[function], Payload=event.encode())
    assert "FunctionError" not in answer, answer["Payload"].read().decode()
