"""What runs against the local stack: it must be up, and every module gets a shop of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator

import boto3
import pytest
from rich.console import Console

from sandbox.demo.clients import NoStackError, Sandbox, Stack, read_stack
from sandbox.demo.stage import Stage
from sandbox.demo.told import Told
from tests.support.canaries import found_in


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the stack."""
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def stack() -> Stack:
    """Return the running stack; without one nothing here can mean anything."""
    try:
        return read_stack()
    except NoStackError as problem:
        pytest.fail(f"{problem}, or run `make e2e`")


@pytest.fixture(scope="session", autouse=True)
def no_canary_in_any_log(stack: Stack) -> Iterator[None]:
    """Reliability 37: at the end, search all that the stack wrote: its files, the functions' logs.

    Nothing is exempt: the sandbox, which is the platforms, prints no requests either.
    """
    yield
    written = {file.name: file.read_text() for file in (stack.file.parent / "logs").glob("*.log")}
    written |= _function_logs(stack)
    assert any("consent_signal" in text for text in written.values()), "nothing was searched"
    hits = {name: sorted(set(found_in(text))) for name, text in written.items()}
    assert not any(hits.values()), {name: found for name, found in hits.items() if found}


def _function_logs(stack: Stack) -> dict[str, str]:
    """Return what each function printed, as CloudWatch Logs has it."""
    logs = boto3.client(
        "logs",
        endpoint_url=stack.endpoint_url,
        region_name=stack.region,
        aws_access_key_id=stack.access_key_id,
        aws_secret_access_key=stack.secret_access_key,
    )
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = logs.get_paginator("filter_log_events")
    return {
        group: "\n".join(
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        )
        for group in groups
    }


def silent() -> Told:
    """Return a narrator whom nobody hears."""
    return Told(Console(file=io.StringIO(), width=80))


@pytest.fixture(scope="module")
def stage(stack: Stack) -> Stage:
    """Return a connected shop with accounts and numbers that no other test uses."""
    return Stage(stack, silent())


@pytest.fixture
def another_shop(stack: Stack) -> Stage:
    """Return a second shop, of another merchant."""
    return Stage(stack, silent())


@pytest.fixture(autouse=True)
def no_faults_left(stack: Stack) -> Iterator[None]:
    """Leave no fault behind for whoever comes next, whatever a test did."""
    yield
    sandbox = Sandbox(stack.sandbox_url)
    if sandbox.call("GET", "/_faults").json():
        sandbox.reset()
