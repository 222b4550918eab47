"""What is kept of contacts at the platform that shoppers are exported to."""

from __future__ import annotations

from typing import Protocol

from concord.domain.exports import Export, Subscription


class Exports(Protocol):
    """Exported contacts, by shopper."""

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Export | None:
        """Read what the last confirmed write said, strongly."""

    def put(self, export: Export) -> None:
        """Note a confirmed write. Its writer holds the lease of the push."""


class Subscriptions(Protocol):
    """Newsletter subscriptions, by address."""

    def get(self, merchant_id: str, connection_id: str, point_id: str) -> Subscription:
        """Read one, strongly; of an address that nobody told of, an empty one."""

    def save(self, subscription: Subscription) -> bool:
        """Replace it on version = subscription.version - 1; False = somebody else was first."""
