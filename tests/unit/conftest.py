"""Every unit test starts with an empty environment of ours and no metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from concord.config import VARIABLES, settings
from concord.entrypoint import observability


@pytest.fixture(autouse=True)
def clean_edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*VARIABLES, "_X_AMZN_TRACE_ID"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    observability._METRICS.clear_metrics()
    yield
    observability._METRICS.clear_metrics()
    settings.cache_clear()
