"""The admin API over moto and the sandbox platforms, called as API Gateway calls it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.botocore_stubber import BotocoreStubber

from tests.world.shop import Shop
from tests.world.world import World, world


@pytest.fixture(autouse=True)
def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto copies whole tables in a transaction and is not safe under threads; imports use them."""
    lock, answer = threading.RLock(), BotocoreStubber.process_request

    def process_request(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return answer(self, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", process_request)


@pytest.fixture
def house() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def shop(house: World) -> Shop:
    return house.shop("m1")
