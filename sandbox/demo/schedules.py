"""Runs scheduled functions of the stack now, as of any time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sandbox.demo.clients import Stack
from sandbox.stack.deploy import client


def run_schedule(stack: Stack, function: str, as_of: datetime, **more: str) -> None:
    """Invoke a scheduled function and wait for its end; RuntimeError with what it says if it fails.

    `more` goes into the event beside its time.
    """
    event = {"time": f"{as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", **more}
    lambdas: Any = client("lambda", stack.endpoint_url)
    answer = lambdas.invoke(
        FunctionName=stack.functions[function], Payload=json.dumps(event).encode()
    )
    if "FunctionError" in answer:
        raise RuntimeError(answer["Payload"].read().decode())
