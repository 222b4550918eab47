"""Keys of what is known of a customer at a contact peer, and of a credit told to us."""

from __future__ import annotations

from concord.domain.tasks import RowKey


def export_key(merchant_id: str, connection_id: str, shopper_key: str) -> RowKey:
    """Return `CX#<merchant>#<connection>#<shopper key>` / `EXPORT`."""
    return RowKey(f"CX#{merchant_id}#{connection_id}#{shopper_key}", "EXPORT")


def subscription_key(merchant_id: str, connection_id: str, list_id: str, point_id: str) -> RowKey:
    """Return `CX#<merchant>#<connection>#<point_id>` / `SUBSCRIPTION#<list>`."""
    return RowKey(f"CX#{merchant_id}#{connection_id}#{point_id}", f"SUBSCRIPTION#{list_id}")


def credit_key(merchant_id: str, connection_id: str, shopper_key: str) -> RowKey:
    """Return `CX#<merchant>#<connection>#<shopper key>` / `CREDIT`."""
    return RowKey(f"CX#{merchant_id}#{connection_id}#{shopper_key}", "CREDIT")
