"""Builds the worker of full reads of groups and shoppers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from concord.bootstrap.jobs import run_job
from concord.services.mirror_shopper import MirrorShopper
from concord.services.mirror_source import MirrorSource
from concord.services.read_source import ReadSource
from concord.services.start_sync import KeepSyncTime
from concord.services.sync_shoppers import SyncShoppers

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts
    from concord.domain.tasks import Task
    from concord.services.run_task import TaskHandler


def sync_worker(parts: Parts) -> TaskHandler:
    """Return the worker of `sync_shoppers` rows: reads have a job, timers have none."""

    def work(task: Task) -> None:
        handler = _reader(parts) if "job_id" in task.payload else _timer(parts)
        handler(task)

    return work


def _reader(parts: Parts) -> SyncShoppers:
    read = ReadSource(
        mirror=MirrorSource(MirrorShopper(parts.shoppers, parts.store)),
        audience=parts.group_audience,
        groups=parts.groups,
        seen=parts.import_parts,
        clock=parts.clock,
    )
    return SyncShoppers(
        run=run_job(parts),
        authenticator=parts.authenticator,
        reach=parts.reach,
        read=read,
        seen=parts.import_parts,
    )


def _timer(parts: Parts) -> KeepSyncTime:
    return KeepSyncTime(
        connections=parts.connections,
        tasks=parts.tasks,
        defer=parts.defer,
        start=parts.start_sync,
        sweep=parts.start_repair.sweep,
        clock=parts.clock,
        rng=random.SystemRandom(),
    )
