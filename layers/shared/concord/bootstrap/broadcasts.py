"""Builds the workers of broadcasts: what only their own functions need."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from concord.adapters.clients import client
from concord.adapters.dynamodb.caps import DynamoDbCaps
from concord.adapters.dynamodb.groups import DynamoDbGroupAudience
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.plain_rows import of_plain_rows
from concord.adapters.dynamodb.table import CONNECT, READ, Table
from concord.domain.tasks import RowKey, TaskKind
from concord.services.finish_broadcast import FinishBroadcast
from concord.services.plan_broadcast import PlanBroadcast
from concord.services.preview_broadcast import RunPreview
from concord.services.run_task import RunTask

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def finish_broadcast(parts: Parts) -> FinishBroadcast:
    """Return what ends a broadcast when nothing of it is open any more."""
    return FinishBroadcast(parts.broadcasts, parts.broadcasts, parts.clock, parts.telemetry)


def _audience(parts: Parts) -> DynamoDbGroupAudience:
    """Return the rows of groups over a client of their own: they are many, and all plain."""
    rows = of_plain_rows(client("dynamodb", connect=CONNECT, read=READ))
    return DynamoDbGroupAudience(Table(parts.config.table_name, rows))


def planner(parts: Parts) -> RunTask:
    """Return the worker of the plan queue."""
    finish = finish_broadcast(parts)

    def plan_broadcast() -> PlanBroadcast:
        return PlanBroadcast(
            broadcasts=parts.broadcasts,
            audience=_audience(parts),
            connections=parts.connections,
            platforms=parts.platforms,
            tasks=parts.tasks,
            queue=parts.queue,
            defer=parts.defer,
            finish=finish,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )

    def preview_broadcast() -> RunPreview:
        return RunPreview(
            broadcasts=parts.broadcasts,
            audience=_audience(parts),
            connections=parts.connections,
            merchants=DynamoDbMerchants(parts.table),
            platforms=parts.platforms,
            store=parts.store,
            caps=DynamoDbCaps(parts.table),
            jobs=parts.jobs,
            tasks=parts.tasks,
            defer=parts.defer,
            clock=parts.clock,
        )

    def restore(key: RowKey) -> None:
        """A worker may have died between the end of its row and the end of the broadcast."""
        ref = parts.tasks.identify(key)
        if ref is not None and ref.kind is TaskKind.PLAN_BROADCAST:
            finish(ref.connection_id, ref.task_id.partition(".")[0])

    return RunTask(
        tasks=parts.tasks,
        defer=parts.defer,
        handlers={
            TaskKind.PLAN_BROADCAST: plan_broadcast,
            TaskKind.PREVIEW_BROADCAST: preview_broadcast,
        },
        lapse=lambda _: None,
        restore=restore,
        clock=parts.clock,
        telemetry=parts.telemetry,
        new_owner=lambda: uuid.uuid4().hex,
    )
