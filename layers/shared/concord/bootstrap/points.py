"""Builds what moves points: the one way, for whoever books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from concord.services.post_points import PostPoints

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts
    from concord.domain.points.posting import Posting
    from concord.domain.tasks import TaskSpec


def post_points(parts: Parts) -> PostPoints:
    """Return what books points."""
    return PostPoints(parts.ledger, parts.clock, tasks_of)


def tasks_of(_: Posting) -> Sequence[TaskSpec]:
    """Return the tasks that a posting leaves in its transaction: nobody is told of points yet."""
    return ()
