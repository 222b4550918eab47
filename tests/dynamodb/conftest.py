"""Storage against Amazon's own DynamoDB Local: real conditions, real threads.

`make test-dynamodb` starts it and sets DYNAMODB_LOCAL_URL. Before any race test runs, the emulator
itself is judged: one that lets two writers through would prove nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore.config import Config

from concord.adapters.dynamodb.table import Table
from tests.support.judge import THREADS, Verdict, judge
from tests.support.tables import create_table

HERE = Path(__file__).parent
ROUNDS = 50  # a gate; `make judge` runs a thousand


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("dynamodb_local")


@pytest.fixture(scope="session")
def local_url() -> str:
    url = os.environ.get("DYNAMODB_LOCAL_URL", "")
    if not url:
        pytest.fail("DYNAMODB_LOCAL_URL is not set; run `make test-dynamodb`")
    return url


@pytest.fixture
def dynamodb(aws_environment: None, local_url: str) -> Any:
    """Return a client of DynamoDB Local that makes each request once.

    Its patience is the emulator's, not the product's: 32 threads share two cores here.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=64,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("dynamodb", endpoint_url=local_url, config=config)


@pytest.fixture
def table(dynamodb: Any) -> Iterator[Table]:
    """Return an empty table of its own."""
    name = create_table(dynamodb)
    yield Table(name, dynamodb)
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def race() -> Iterator[Callable[..., list[Any]]]:
    """Return a function that calls `work(n)` in n threads at once and returns what came of each."""
    with ThreadPoolExecutor(max_workers=64) as pool:

        def run(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
            barrier = Barrier(threads)

            def start(number: int) -> Any:
                barrier.wait()
                return work(number)

            return list(pool.map(start, range(threads)))

        yield run


_verdicts: dict[str, list[Verdict]] = {}


@pytest.fixture
def judged(table: Table, dynamodb: Any, local_url: str) -> None:
    """Refuse to run a race on an emulator that cannot tell one winner from two (reliability 11)."""
    if local_url not in _verdicts:
        _verdicts[local_url] = judge(dynamodb, table.name, ROUNDS)
    faults = [verdict for verdict in _verdicts[local_url] if not verdict.is_clean]
    if faults:
        pytest.fail(f"races on this emulator prove nothing: {faults}")
