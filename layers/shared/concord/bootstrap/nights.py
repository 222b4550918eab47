"""Builds what starts nights and what works them off."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.nights import DynamoDbNights, DynamoDbReports
from concord.bootstrap.points import post_points
from concord.domain.tasks import TaskKind
from concord.services.end_night import EndNight
from concord.services.run_night import RunNight
from concord.services.run_task import RunTask
from concord.services.start_nights import StartNights

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def start_nights(parts: Parts) -> StartNights:
    """Return what the hourly schedule starts nights with."""
    return StartNights(
        nights=DynamoDbNights(parts.table),
        merchants=DynamoDbMerchants(parts.table),
        clock=parts.clock,
        telemetry=parts.telemetry,
    )


def night_worker(parts: Parts) -> RunTask:
    """Return the worker of the night queue."""
    nights, merchants = DynamoDbNights(parts.table), DynamoDbMerchants(parts.table)

    def run_night() -> RunNight:
        return RunNight(
            ledger=parts.ledger,
            post=post_points(parts),
            programmes=parts.programmes,
            nights=nights,
            merchants=merchants,
            connections=parts.connections,
            end=EndNight(
                nights=nights,
                reports=DynamoDbReports(parts.table),
                ledger=parts.ledger,
                programmes=parts.programmes,
                merchants=merchants,
                clock=parts.clock,
                telemetry=parts.telemetry,
            ),
            tasks=parts.tasks,
            defer=parts.defer,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )

    return RunTask(
        tasks=parts.tasks,
        defer=parts.defer,
        handlers={TaskKind.RUN_NIGHT: run_night},
        lapse=lambda _: None,
        restore=lambda _: None,  # a task ends behind all that its end causes
        clock=parts.clock,
        telemetry=parts.telemetry,
        new_owner=lambda: uuid.uuid4().hex,
    )
