"""`concord` run in this process, against a fake admin API that knows the real one's models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.fake_api import ACCESS_KEY, SECRET_KEY, Cli, FakeApi


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    file = tmp_path / "stack.json"
    content = {
        "api_url": "http://127.0.0.1:4566/_aws/execute-api/abc/local",
        "endpoint_url": "http://127.0.0.1:4566",
        "region": "us-east-1",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
        "stack_name": "concord-local",
    }
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def concord(api: FakeApi, stack: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("CONCORD_API_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return Cli(api, stack)
