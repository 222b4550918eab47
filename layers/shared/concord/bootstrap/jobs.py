"""Builds what starts the jobs of connections, and what runs them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from concord.services.run_job import RunJob
from concord.services.start_job import StartJob

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def start_job(parts: Parts) -> StartJob:
    """Return what starts a job unless one of its kind runs."""
    return StartJob(tasks=parts.tasks, jobs=parts.jobs, clock=parts.clock, random_bytes=os.urandom)


def run_job(parts: Parts) -> RunJob:
    """Return what runs the slices of a job."""
    return RunJob(
        connections=parts.connections,
        jobs=parts.jobs,
        tasks=parts.tasks,
        defer=parts.defer,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )
