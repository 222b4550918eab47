"""Builds what takes orders down, and the worker that books what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.adapters.dynamodb.merchants import DynamoDbMerchants

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts
    from concord.services.settle_order import SettleOrder
    from concord.services.take_orders import TakeOrders


def take_orders(parts: Parts) -> TakeOrders:
    """Return what the Connect API calls."""
    from concord.services.take_orders import TakeOrders

    return TakeOrders(
        authenticator=parts.authenticator,
        orders=parts.orders,
        programmes=parts.programmes,
        merchants=DynamoDbMerchants(parts.table),
        store=parts.store,
        clock=parts.clock,
    )


def settle_order(parts: Parts) -> SettleOrder:
    """Return the worker of `settle_order` rows."""
    from concord.bootstrap.points import post_points
    from concord.services.settle_order import SettleOrder

    return SettleOrder(
        orders=parts.orders,
        programmes=parts.programmes,
        merchants=DynamoDbMerchants(parts.table),
        post=post_points(parts),
        tasks=parts.tasks,
        defer=parts.defer,
        clock=parts.clock,
    )
