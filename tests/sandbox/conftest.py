"""A fresh sandbox for every test."""

from collections.abc import Iterator

import pytest

from tests.sandbox.harness import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()
