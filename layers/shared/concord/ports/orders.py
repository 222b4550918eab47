"""What is kept of orders."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from concord.domain.points.orders import Order, OrderKey
from concord.domain.tasks import TaskSpec


class Orders(Protocol):
    """Orders of shops, each a row that only its shop's words change."""

    def get(self, key: OrderKey) -> Order | None:
        """Read one, strongly."""

    def save(self, order: Order, task: TaskSpec | None, now: datetime) -> bool:
        """Replace it on version = order.version - 1, with the task that books its postings; False =
        somebody else was first. Raises StorageUnavailableError."""

    def booked(self, order: Order) -> bool:
        """Take the postings off an order that is still as it was read, and note what was let go of
        them; False = it is not. What is said of it stays, and its version with it."""
