"""How far a job is: whatever can outlast a request."""

from __future__ import annotations

from concord.domain.errors import NotFoundError
from concord.domain.identity import merchant_of
from concord.domain.jobs import Job
from concord.ports import Jobs


class ReadJobs:
    """Reads a job by its id."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def __call__(self, job_id: str) -> Job:
        """Return the job. Raises NotFoundError; a forged id reads no row."""
        try:
            merchant_of(job_id)
        except ValueError:
            raise NotFoundError("no such job") from None
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFoundError("no such job")
        return job
