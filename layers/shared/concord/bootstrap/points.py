"""Builds what moves points: the one way, for whoever books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.services.post_points import PostPoints
from concord.services.tell_of_points import TellOfPoints

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def post_points(parts: Parts) -> PostPoints:
    """Return what books points; whoever is to be told of it is, by the same transaction."""
    return PostPoints(parts.ledger, parts.clock, tell_of_points(parts))


def tell_of_points(parts: Parts) -> TellOfPoints:
    """Return what knows which connections export a member's contact."""
    return TellOfPoints(parts.connections, parts.clock)
