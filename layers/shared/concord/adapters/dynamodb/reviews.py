"""Things that a person should look at."""

from __future__ import annotations

from collections.abc import Iterator

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.consent_items import review_from, review_item, review_key
from concord.adapters.dynamodb.table import Table
from concord.domain.review import Review, ReviewKind
from concord.domain.tasks import RowKey


class DynamoDbReviews:
    """Reviews over the one table.

    That a point is unmatched also stands among those who carry it, where every push looks anyway:
    put before the review and taken away after it, so no review is without.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, merchant_id: str, connection_id: str, kind: ReviewKind) -> Iterator[Review]:
        """Yield the open reviews of one kind."""
        for item in self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)",
            pk=keys.review_pk(merchant_id, connection_id),
            prefix=f"{kind}#",
        ):
            yield review_from(merchant_id, connection_id, item)

    def get(
        self, merchant_id: str, connection_id: str, kind: ReviewKind, review_id: str
    ) -> Review | None:
        """Read one review."""
        item = self._table.get(keys.review(merchant_id, connection_id, kind, review_id))
        return review_from(merchant_id, connection_id, item) if item else None

    def put(self, review: Review) -> None:
        """Insert or replace. One of an unmatched point is noted at the point first."""
        if review.kind == ReviewKind.UNMATCHED:
            self._table.put(_note(review), {})
        self._table.put(review_key(review), review_item(review))

    def delete(self, review: Review) -> None:
        """Delete; one that is gone already is fine."""
        self._table.delete(review_key(review))
        if review.kind == ReviewKind.UNMATCHED:
            self._table.delete(_note(review))


def _note(review: Review) -> RowKey:
    return keys.unmatched(review.merchant_id, review.connection_id, review.point_id)
