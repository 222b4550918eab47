"""Every unit test starts with an empty environment of ours and no metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from concord.config import settings
from concord.entrypoint import observability

VARIABLES = (
    "TABLE_NAME",
    "URGENT_QUEUE_URL",
    "BULK_QUEUE_URL",
    "SAFETY_QUEUE_URL",
    "AWS_INBOUND_QUEUE_URL",
    "STREAM_FAILURES_QUEUE_URL",
    "PARAMETER_PREFIX",
    "STAGE",
    "PUBLIC_BASE_URL",
    "FALLBACK_NUMBER",
    "ALLOWED_HOSTS",
    "ALLOW_PRIVATE_HOSTS",
    "OPERATOR_ARNS",
    "_X_AMZN_TRACE_ID",
)


@pytest.fixture(autouse=True)
def clean_edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    observability._METRICS.clear_metrics()
    yield
    observability._METRICS.clear_metrics()
    settings.cache_clear()
