"""Builds the worker that brings groups up to date: only SyncRunTask needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.adapters.dynamodb.group_repair import DynamoDbGroupRepair
from concord.services.regroup import Regroup, RegroupShopper
from concord.services.regroup_members import KeepMembers, RegroupMembers
from concord.services.regroup_tasks import GROUP, REPAIR
from concord.services.repair_groups import RepairGroups

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def regroup(parts: Parts) -> Regroup:
    """Return the worker of `regroup` tasks over the adapters that `parts` holds."""
    keep = KeepMembers(parts.shoppers, parts.groups, parts.tasks, parts.clock)
    members = RegroupMembers(
        groups=parts.groups, keep=keep, tasks=parts.tasks, defer=parts.defer, clock=parts.clock
    )
    repair = RepairGroups(
        audience=parts.group_audience,
        repair=DynamoDbGroupRepair(parts.table),
        jobs=parts.jobs,
        tasks=parts.tasks,
        defer=parts.defer,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )
    return Regroup(
        tasks=parts.tasks,
        connections=parts.connections,
        shoppers=parts.shoppers,
        store=parts.store,
        regroup_shopper=RegroupShopper(parts.contributions, parts.store, parts.clock),
        welcome=keep.welcome,
        others={GROUP: members, REPAIR: repair},
        defer=parts.defer,
        clock=parts.clock,
    )
