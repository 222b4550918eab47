"""Fixtures for all suites: a fake AWS account, no network, and the real table in moto."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

from tests.support import canary_watch

if TYPE_CHECKING:
    from tests.world.shop import Shop
    from tests.world.world import World

pytest.register_assert_rewrite("tests.support.contracts", "tests.support.group_rows")

# A property is about values: how long one example takes on a busy machine proves nothing.
settings.register_profile("concord", deadline=None)
settings.load_profile("concord")

_LOOPBACK = ("loopback", "dynamodb_local", "e2e")
_LOOPBACK_FOLDERS = ("sandbox", "e2e", "dynamodb", "browser")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that talk to a server of their own; look for canaries."""
    config.addinivalue_line("markers", "loopback: may open sockets to this machine")
    canary_watch.install(config)


def pytest_collection_finish() -> None:
    """Set aside what is loaded for good: else the collector walks through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Block the network; marked tests, and suites that start servers, reach this machine only."""
    enable_socket()
    folders = {parent.name for parent in item.path.parents}
    marked = any(item.get_closest_marker(name) for name in _LOOPBACK)
    if marked or folders.intersection(_LOOPBACK_FOLDERS):
        socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    else:
        disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    """Give sockets back to whatever runs between tests (xdist, session fixtures)."""
    enable_socket()


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Put a fake account into the environment, so that no test can reach a real one."""
    if request.node.get_closest_marker("e2e"):
        return
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for service in ("DYNAMODB", "SQS", "SSM"):
        monkeypatch.delenv(f"AWS_ENDPOINT_URL_{service}", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def moto_aws(aws_environment: None) -> Iterator[None]:
    """Answer all AWS calls of this process from moto."""
    from moto import mock_aws

    from tests.support import quick_moto

    quick_moto.install()
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(moto_aws: None) -> Any:
    """Return a DynamoDB client that makes each request once, as the product's does."""
    from concord.adapters.clients import client

    return client("dynamodb", connect=0.3, read=0.5)


@pytest.fixture
def table_name(dynamodb: Any) -> str:
    """Return the name of an empty table with template.yaml's schema."""
    from tests.support.tables import create_table

    return create_table(dynamodb)


@pytest.fixture
def table(dynamodb: Any, table_name: str) -> Any:
    """Return the product's gateway to the empty table; it never sleeps."""
    from concord.adapters.dynamodb.table import Table

    return Table(table_name, dynamodb, sleep=lambda _: None)


@pytest.fixture
def house() -> Iterator[World]:
    """Yield our handlers over moto and the sandbox platforms, in this process."""
    from tests.world.world import world

    with world() as made:
        yield made


@pytest.fixture
def shop(house: World) -> Shop:
    """Return a connected shop in that house."""
    return house.shop()
