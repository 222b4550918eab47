"""A cold webhook pays for every import, so parsing one may load no client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import concord
from concord.platforms.registry import PLATFORMS, platform_named

HEAVY = ["httpx", "pydantic", "boto3", "botocore", "phonenumbers", "cryptography"]
WITH_WEBHOOK = [
    name for name in PLATFORMS if (found := platform_named(name)) is not None and found.webhook
]


@pytest.mark.parametrize("name", WITH_WEBHOOK)
def test_a_webhook_loads_no_client(name: str) -> None:
    """Reliability 35: httpx, pydantic and SDK clients load only when they are used."""
    others = [f"concord.platforms.{folder}" for n, folder in PLATFORMS.items() if n != name]
    script = f"""
import sys
from concord.platforms.registry import PlatformRegistry
adapter = PlatformRegistry(["api.example.com"]).webhook({name!r})
assert adapter is not None
print(sorted(set({[*HEAVY, *others]!r}) & set(sys.modules)))
"""
    layer = str(Path(concord.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": layer},
    )
    assert result.stdout.strip() == "[]"
