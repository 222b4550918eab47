"""What is kept of contacts at the platform that shoppers are exported to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from concord.domain.exports import Credit, Export, Subscription
from concord.domain.inbox import InboxEntry, Marker
from concord.domain.tasks import TaskSpec
from concord.ports.consents import CommitResult


class Exports(Protocol):
    """Exported contacts, by shopper."""

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Export | None:
        """Read what the last confirmed write said, strongly."""

    def get_many(
        self, merchant_id: str, connection_id: str, shopper_keys: Sequence[str]
    ) -> Mapping[str, Export]:
        """Read those of several shoppers, strongly, a hundred a request; who was never written is
        left out."""

    def put(self, export: Export, before: Export | None) -> bool:
        """Note a confirmed write, if the row is still as it was read `before` (None = there was
        none); False = somebody else wrote meanwhile, and nobody knows whose write came last."""


class Subscriptions(Protocol):
    """Newsletter subscriptions, by list and address."""

    def get(
        self, merchant_id: str, connection_id: str, list_id: str, point_id: str
    ) -> Subscription:
        """Read one, strongly; of an address that nobody told of, an empty one."""

    def get_many(
        self, merchant_id: str, connection_id: str, list_id: str, point_ids: Sequence[str]
    ) -> Mapping[str, Subscription]:
        """Read those of several addresses, strongly, a hundred a request."""

    def save(self, subscription: Subscription) -> bool:
        """Replace it on version = subscription.version - 1; False = somebody else was first."""


class Credits(Protocol):
    """Points that a shop's own loyalty system keeps, by shopper."""

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Credit:
        """Read what was told last, strongly; of whom nothing was told, an empty one (seq 0)."""

    def get_many(
        self, merchant_id: str, connection_id: str, shopper_keys: Sequence[str]
    ) -> Mapping[str, Credit]:
        """Read those of several shoppers, strongly, a hundred a request."""

    def save(
        self,
        credit: Credit,
        task: TaskSpec,
        now: datetime,
        *,
        inbox: InboxEntry | None = None,
        marker: Marker | None = None,
    ) -> CommitResult:
        """Replace it on seq = credit.seq - 1, with its task, the body that told it and the marker
        of its event: all in one transaction, or nothing."""
