"""What runs against the local stack: it must be up, and every module gets a shop of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from sandbox.demo.clients import NoStackError, Sandbox, Stack, read_stack
from sandbox.demo.stage import Stage
from sandbox.demo.told import Told


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
