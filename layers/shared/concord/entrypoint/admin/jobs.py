"""Jobs: what outlasts a request."""

from __future__ import annotations

from typing import Any

from concord.domain.jobs import Job, JobState
from concord.entrypoint.admin.base import Answer


class JobStarted(Answer):
    """Work that outlasts a request: ask `GET /v1/jobs/{job_id}`."""

    job_id: str


class JobAnswer(Answer):
    """How far a job is. `created` + `updated` + all that was skipped (by reason) is `done`.

    `result` of an import: `rows`, each with `row` (from 1) and `result`, the rows that were not
    accepted; `complete` false = `skipped` counts more of them; `reason` says why a job failed.

    `result` of a preview: `recipients` = `texts` + all of `excluded` (by reason); `texts_at_once`
    and, by their first legal moment, those `waiting`; `body`, its `segments`, `encoding` and the
    character that costs a second segment; `cost` (null = no `segment_price` is set); `starts_at`
    and `expected_finish` at `rate` texts a second.
    """

    job_id: str
    state: JobState
    done: int
    total: int
    created: int
    updated: int
    skipped: dict[str, int]
    result: dict[str, Any] | None

    @classmethod
    def of(cls, job: Job) -> JobAnswer:
        """Return the answer about `job`."""
        return cls(
            job_id=job.job_id,
            state=job.state,
            done=job.done,
            total=job.total,
            created=job.created,
            updated=job.updated,
            skipped=dict(job.skipped),
            result=job.result,
        )
