"""Progress of what outlasts a request."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.table import Table
from concord.domain.tasks import RowKey

_KEPT_FOR: Final = 30 * 24 * 3600


class DynamoDbJobs:
    """Jobs over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, job_id: str) -> Mapping[str, Any] | None:
        """Read a job; None for an id that was never ours."""
        try:
            key = keys.job(job_id)
        except ValueError:
            return None
        item = self._table.get(key)
        if item is None:
            return None
        job: dict[str, Any] = json.loads(item["body"])
        return job

    def put(self, merchant_id: str, job_id: str, job: Mapping[str, Any]) -> None:
        """Write the job as it is now."""
        key: RowKey = keys.job(job_id)
        if keys.merchant_in(key) != merchant_id:
            raise ValueError("a job id of another merchant")
        body = json.dumps(dict(job), ensure_ascii=False)
        self._table.put(key, {"body": body, "expires_at": int(time.time()) + _KEPT_FOR})
