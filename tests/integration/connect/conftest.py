"""The Connect API over moto, called as API Gateway calls it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world.shop import Shop
from tests.world.world import World, world


@pytest.fixture
def house() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def shop(house: World) -> Shop:
    return house.shop("m1")
