"""The tasks that bring groups up to date, and what each is named after."""

from __future__ import annotations

from typing import Final

from concord.domain.groups import group_key
from concord.domain.tasks import TaskKind, TaskSpec

SHOPPER: Final = "shopper"
POINT: Final = "point"
GROUP: Final = "group"
REPAIR: Final = "repair"


def shopper_task(connection_id: str, shopper_key: str, version: int) -> TaskSpec:
    """Return the task that looks at one shopper's groups; `version` is that of her item."""
    return _task(connection_id, SHOPPER, shopper_key, version)


def point_task(connection_id: str, point_id: str, version: int) -> TaskSpec:
    """Return the task that looks at all who carry a number; `version` is that of its consent."""
    return _task(connection_id, POINT, point_id, version)


def group_task(connection_id: str, group_id: str, version: int) -> TaskSpec:
    """Return the task that works a group's list of members off; `version` is the group's."""
    return _task(connection_id, GROUP, group_key(group_id), version)


def _task(connection_id: str, what: str, name: str, version: int) -> TaskSpec:
    # `after` is where a slice of the work went on: whoever asks anew has it done from the start.
    return TaskSpec(
        TaskKind.REGROUP, connection_id, f"{what}#{name}", payload={"after": ""}, want=version
    )
