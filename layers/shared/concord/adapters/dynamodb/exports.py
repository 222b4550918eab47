"""Exported contacts, newsletter subscriptions and credits told to us, in the one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.consent_items import marker_from, put_marker
from concord.adapters.dynamodb.contact_keys import credit_key, export_key, subscription_key
from concord.adapters.dynamodb.inbox_items import put_entry
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, put
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.exports import Credit, Export, Subscription
from concord.domain.inbox import InboxEntry, Marker
from concord.domain.tasks import TaskSpec
from concord.domain.times import from_rfc3339, to_rfc3339
from concord.ports import AlreadySeen, CommitResult, Committed, Stale


class DynamoDbExports:
    """Exports over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Export | None:
        """Read what the last confirmed write said, strongly."""
        where = (merchant_id, connection_id, shopper_key)
        item = self._table.get(export_key(*where))
        return _export(where, item) if item else None

    def get_many(
        self, merchant_id: str, connection_id: str, shopper_keys: Sequence[str]
    ) -> dict[str, Export]:
        """Read those of several shoppers, strongly; who was never written is left out."""
        rows = {export_key(merchant_id, connection_id, name): name for name in shopper_keys}
        found = self._table.get_many(list(rows))
        return {
            rows[row]: _export((merchant_id, connection_id, rows[row]), item)
            for row, item in found.items()
        }

    def put(self, export: Export, before: Export | None) -> bool:
        """Note a confirmed write on the row that was read."""
        key = export_key(export.merchant_id, export.connection_id, export.shopper_key)
        values = {
            "digest": export.digest,
            "version": export.version,
            "seq": export.seq,
            "place": export.place,
            "programme": export.programme,
        }
        try:
            if before is None:
                self._table.put(key, values, "attribute_not_exists(pk)")
            else:
                self._table.put(
                    key,
                    values,
                    "#digest = :digest AND #version = :version AND #seq = :seq "
                    "AND (attribute_not_exists(#programme) OR #programme = :programme)",
                    digest=before.digest,
                    version=before.version,
                    seq=before.seq,
                    programme=before.programme,
                )
        except ConditionFailedError as failed:
            # Ours after all: the first attempt went through and only its answer was lost.
            stored = failed.item or {}
            return failed.answer_lost and {name: stored.get(name) for name in values} == values
        return True


class DynamoDbSubscriptions:
    """Subscriptions over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(
        self, merchant_id: str, connection_id: str, list_id: str, point_id: str
    ) -> Subscription:
        """Read one, strongly."""
        where = (merchant_id, connection_id, list_id, point_id)
        return _subscription(where, self._table.get(subscription_key(*where)) or {})

    def get_many(
        self, merchant_id: str, connection_id: str, list_id: str, point_ids: Sequence[str]
    ) -> dict[str, Subscription]:
        """Read those of several addresses, strongly."""
        wanted = {each: (merchant_id, connection_id, list_id, each) for each in point_ids}
        rows = {point: subscription_key(*where) for point, where in wanted.items()}
        found = self._table.get_many(list(rows.values()))
        return {
            point: _subscription(where, found.get(rows[point], {}))
            for point, where in wanted.items()
        }

    def save(self, subscription: Subscription) -> bool:
        """Replace it on the version before."""
        values = {name: getattr(subscription, name) for name in _STORED}
        for name in _TIMES:
            at: datetime | None = getattr(subscription, name)
            values[name] = to_rfc3339(at) if at else None
        key = subscription_key(
            subscription.merchant_id,
            subscription.connection_id,
            subscription.list_id,
            subscription.point_id,
        )
        before = subscription.version - 1
        try:
            if before:
                self._table.put(key, values, "#version = :before", before=before)
            else:
                self._table.put(key, values, "attribute_not_exists(pk)")
        except ConditionFailedError as failed:
            # Ours after all: the first attempt went through and only its answer was lost.
            stored = failed.item or {}
            return failed.answer_lost and {name: stored.get(name) for name in values} == values
        return True


class DynamoDbCredits:
    """Credits over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Credit:
        """Read what was told last, strongly."""
        item = self._table.get(credit_key(merchant_id, connection_id, shopper_key))
        return _credit((merchant_id, connection_id, shopper_key), item)

    def get_many(
        self, merchant_id: str, connection_id: str, shopper_keys: Sequence[str]
    ) -> dict[str, Credit]:
        """Read those of several shoppers, strongly."""
        wanted = {name: (merchant_id, connection_id, name) for name in shopper_keys}
        found = self._table.get_many([credit_key(*where) for where in wanted.values()])
        return {
            name: _credit(where, found.get(credit_key(*where))) for name, where in wanted.items()
        }

    def save(
        self,
        credit: Credit,
        task: TaskSpec,
        now: datetime,
        *,
        inbox: InboxEntry | None = None,
        marker: Marker | None = None,
    ) -> CommitResult:
        """Replace it on the seq before, with all that belongs to it."""
        row = _put_credit(credit)
        actions = [*_of_event(marker, inbox, now), row, write_task(credit.merchant_id, task, now)]
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            # Ours after all: the first attempt went through and only its answer was lost.
            where = (credit.merchant_id, credit.connection_id, credit.shopper_key)
            if refused.answer_lost and self.get(*where) == credit:
                return Committed()
            if marker is not None and refused.at(0):
                return AlreadySeen(self._seen(marker))
            return Stale()
        return Committed()

    def _seen(self, wanted: Marker) -> Marker:
        names = (wanted.merchant_id, wanted.connection_id, wanted.event_key)
        stored = self._table.get(keys.marker(*names))
        return marker_from(*names, stored) if stored else wanted


def _export(where: tuple[str, str, str], item: Item) -> Export:
    shown = (item["digest"], item["version"], item["seq"], item["place"])
    return Export(*where, *shown, programme=item.get("programme", ""))


def _subscription(where: tuple[str, str, str, str], item: Item) -> Subscription:
    stored = {name: item[name] for name in _STORED if name in item}
    times = {name: from_rfc3339(item[name]) for name in _TIMES if item.get(name)}
    return Subscription(*where, **stored | times)


def _credit(where: tuple[str, str, str], item: Item | None) -> Credit:
    if item is None:
        return Credit(*where)
    return Credit(
        *where,
        credit=item["credit"],
        delta=item["delta"],
        on=date.fromisoformat(item["on"]),
        received_at=from_rfc3339(item["received_at"]),
        seq=item["seq"],
    )


def _of_event(
    marker: Marker | None, inbox: InboxEntry | None, now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield what is kept of the event itself, its marker first."""
    if marker is not None:
        yield put_marker(marker, now)
    if inbox is not None:
        yield put_entry(inbox)


def _put_credit(credit: Credit) -> dict[str, Any]:
    if credit.on is None or credit.received_at is None:
        raise ValueError("nothing was told")
    item: Item = {
        "credit": credit.credit,
        "delta": credit.delta,
        "on": credit.on.isoformat(),
        "received_at": to_rfc3339(credit.received_at),
        "seq": credit.seq,
    }
    key = credit_key(credit.merchant_id, credit.connection_id, credit.shopper_key)
    if credit.seq == 1:
        return put(key, item, "attribute_not_exists(pk)")
    return put(key, item, "#seq = :before", before=credit.seq - 1)


_STORED = (
    "subscribed",
    "changes",
    "settled",
    "member",
    "programme",
    "parked",
    "version",
)
_TIMES = ("wrote_at", "asked_at", "signed_at")
