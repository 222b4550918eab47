"""Orders in the one table: what was said of each, and the postings that are not booked yet."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, put
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.points.orders import (
    Member,
    Order,
    OrderKey,
    OrderPosting,
    Said,
    Standing,
    Terms,
)
from concord.domain.points.programme import Rounding
from concord.domain.tasks import TaskSpec
from concord.domain.times import from_rfc3339, to_rfc3339

_VERSION: Final = "#version = :version"


class DynamoDbOrders:
    """Orders over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: OrderKey) -> Order | None:
        """Read one, strongly."""
        item = self._table.get(ledger_keys.order(key))
        return _order_from(key, item) if item else None

    def save(self, order: Order, task: TaskSpec | None, now: datetime) -> bool:
        """Replace it on version = order.version - 1, with the task that books its postings; False =
        somebody else was first."""
        before = order.version - 1
        key, item = ledger_keys.order(order.key), _item(order)
        actions = [
            put(key, item, _VERSION, version=before)
            if before
            else put(key, item, "attribute_not_exists(pk)")
        ]
        if task is not None:
            actions.append(write_task(order.key.merchant_id, task, now))
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            return refused.answer_lost and self._stands(order)
        return True

    def _stands(self, order: Order) -> bool:
        """Whether our own first attempt is in, whose answer was lost. Its postings may have been
        booked since, so what was said is compared."""
        stored = self.get(order.key)
        return stored is not None and (stored.version, stored.said, stored.refunds) == (
            order.version,
            order.said,
            order.refunds,
        )

    def booked(self, order: Order) -> bool:
        """Take the postings off an order that is still as it was read, and note what was let go;
        False = it is not."""
        let_go = {"let_go": _text(order.let_go)} if order.let_go else {}
        change = "SET #let_go = :let_go REMOVE #postings" if let_go else "REMOVE #postings, #let_go"
        try:
            self._table.update(
                ledger_keys.order(order.key), change, _VERSION, version=order.version, **let_go
            )
        except ConditionFailedError:
            return False
        return True


# --- items: free-form parts as JSON text ---------------------------------------------------------


def _text(value: object) -> str:
    """Return JSON of it, as it is written: escapes would make a hundred ids too long to store."""
    return json.dumps(value, ensure_ascii=False)


def _item(order: Order) -> Item:
    said, terms = order.said, order.terms
    return {
        "order_id": order.order_id,
        "version": order.version,
        "said": _text(_said_json(said)) if said else None,
        "refunds": _text({each: str(amount) for each, amount in order.refunds.items()})
        if order.refunds
        else None,
        "terms": _text(_terms_json(terms)) if terms else None,
        "holder": _member_json(order.holder),
        "points": order.points,
        "changes": order.changes,
        "postings": _text([_posting_json(each) for each in order.postings])
        if order.postings
        else None,
        "let_go": _text(order.let_go) if order.let_go else None,
    }


def _order_from(key: OrderKey, item: Item) -> Order:
    said, terms = item.get("said"), item.get("terms")
    refunds = json.loads(item.get("refunds", "{}"))
    return Order(
        key=key,
        order_id=item["order_id"],
        version=item["version"],
        said=_said_from(json.loads(said)) if said else None,
        refunds={each: Decimal(amount) for each, amount in refunds.items()},
        terms=_terms_from(json.loads(terms)) if terms else None,
        holder=_member_from(item.get("holder")),
        points=item["points"],
        changes=item["changes"],
        postings=tuple(_posting_from(each) for each in json.loads(item.get("postings", "[]"))),
        let_go=json.loads(item.get("let_go", "{}")),
    )


def _said_json(said: Said) -> dict[str, Any]:
    return {
        "standing": said.standing.name,
        "subtotal": str(said.subtotal),
        "completed_at": to_rfc3339(said.completed_at) if said.completed_at else None,
        "member": _member_json(said.member),
    }


def _said_from(stored: dict[str, Any]) -> Said:
    completed_at = stored["completed_at"]
    return Said(
        standing=Standing[stored["standing"]],
        subtotal=Decimal(stored["subtotal"]),
        completed_at=from_rfc3339(completed_at) if completed_at else None,
        member=_member_from(stored["member"]),
    )


def _terms_json(terms: Terms) -> dict[str, Any]:
    return {
        "programme_id": terms.programme_id,
        "currency": terms.currency,
        "points_per_unit": str(terms.points_per_unit),
        "rounding": terms.rounding.value,
        "active_on": terms.active_on.isoformat(),
        "expires_on": terms.expires_on.isoformat() if terms.expires_on else None,
    }


def _terms_from(stored: dict[str, Any]) -> Terms:
    expires_on = stored["expires_on"]
    return Terms(
        programme_id=stored["programme_id"],
        currency=stored["currency"],
        points_per_unit=Decimal(stored["points_per_unit"]),
        rounding=Rounding(stored["rounding"]),
        active_on=date.fromisoformat(stored["active_on"]),
        expires_on=date.fromisoformat(expires_on) if expires_on else None,
    )


def _posting_json(posting: OrderPosting) -> list[Any]:
    return [posting.posting_id, _member_json(posting.member), posting.points, posting.refund_id]


def _posting_from(stored: list[Any]) -> OrderPosting:
    posting_id, (key, own_id), points, refund_id = stored
    return OrderPosting(posting_id, Member(key, own_id), points, refund_id)


def _member_json(member: Member | None) -> list[str] | None:
    return [member.key, member.own_id] if member else None


def _member_from(stored: list[str] | None) -> Member | None:
    return Member(*stored) if stored else None
