"""DynamoDB in memory passes the storage contracts, so what runs on it proves something."""

from __future__ import annotations

import pytest

from concord.adapters.dynamodb.table import Table
from tests.support.contracts.points import ProgrammesContract
from tests.support.contracts.registry import MerchantsContract, UntoldContract
from tests.support.contracts.sending import CapsContract, ChunksContract, PaceContract
from tests.support.contracts.tasks import TasksContract
from tests.support.memory_dynamodb import MemoryDynamoDb


@pytest.fixture
def table() -> Table:
    """Return the product's gateway over memory."""
    return Table("memory", MemoryDynamoDb(), sleep=lambda _: None)  # type: ignore[arg-type]


class TestTasks(TasksContract): ...


class TestMerchants(MerchantsContract): ...


class TestUntold(UntoldContract): ...


class TestChunks(ChunksContract): ...


class TestPace(PaceContract): ...


class TestCaps(CapsContract): ...


class TestProgrammes(ProgrammesContract): ...
