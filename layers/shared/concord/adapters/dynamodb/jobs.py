"""Progress of what outlasts a request."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any, Final

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.table import Table
from concord.domain.jobs import Job, JobState
from concord.domain.tasks import TaskKind
from concord.domain.times import from_rfc3339, to_rfc3339

KEPT_FOR: Final = 30 * 24 * 3600


class DynamoDbJobs:
    """Jobs over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, job_id: str) -> Job | None:
        """Read a job; None for an id that was never ours."""
        try:
            key = keys.job(job_id)
        except ValueError:
            return None
        item = self._table.get(key)
        return _job(json.loads(item["body"])) if item else None

    def put(self, merchant_id: str, job: Job) -> None:
        """Write the job as it is now. ValueError: it is another merchant's."""
        key = keys.job(job.job_id)
        if keys.merchant_in(key) != merchant_id:
            raise ValueError("a job id of another merchant")
        body = json.dumps({**asdict(job), "created_at": to_rfc3339(job.created_at)})
        self._table.put(key, {"body": body, "expires_at": int(time.time()) + KEPT_FOR})


def _job(body: dict[str, Any]) -> Job:
    return Job(
        **{
            **body,
            "kind": TaskKind(body["kind"]),
            "state": JobState(body["state"]),
            "created_at": from_rfc3339(body["created_at"]),
            "rows": {reason: tuple(rows) for reason, rows in body["rows"].items()},
        }
    )
