"""One world for each test, and a connected shop in it."""

from collections.abc import Iterator

import pytest

from tests.world.shop import Shop
from tests.world.world import World, world


@pytest.fixture(name="house")
def _house() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def shop(house: World) -> Shop:
    return house.shop()
