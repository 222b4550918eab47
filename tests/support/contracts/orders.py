"""The contract of Orders."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bench.capacity import item_size
from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.marshal import to_item
from concord.adapters.dynamodb.orders import DynamoDbOrders
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.points.orders import (
    MAX_REFUNDS,
    Member,
    Order,
    OrderKey,
    OrderPosting,
    Said,
    Standing,
    Terms,
    with_refund,
    with_said,
)
from concord.domain.points.programme import Programme, Rounding, Validity
from concord.domain.tasks import LEASE, Task, TaskKind
from concord.services.take_orders import settle_task
from tests.support.builders import CONNECTION, MERCHANT, NOW
from tests.support.contracts.consent import refaulted

ANA = Member("0a" * 16, "c-7")
KEY = OrderKey.of(MERCHANT, "catapult:S1", "1001")
RULES = Programme(
    MERCHANT, "main", "Main", "USD", Decimal("1.5"), Rounding.HALF_UP, Validity(months=6)
)
TERMS = Terms.of(RULES, date(2026, 11, 20))
FOR_EVER = Terms.of(replace(RULES, valid_for=None), date(2026, 11, 20))


def said(subtotal: str = "43.99", standing: Standing = Standing.COMPLETED) -> Said:
    return Said(standing, Decimal(subtotal), NOW, ANA)


FIRST = with_said(Order(KEY, "1001"), said(), TERMS)


def _widest(number: int) -> str:
    """Return an id as long as may be, of four bytes a character."""
    return f"{number:03}" + "\U00020000" * 197


def _posting(refund_id: str) -> OrderPosting:
    return OrderPosting(f"refund:{KEY.name}:{refund_id}", ANA, -1, refund_id)


class OrdersContract:
    """What every Orders does."""

    @pytest.mark.parametrize(
        "order",
        [
            FIRST,
            with_said(Order(KEY, "1001"), said(), FOR_EVER),
            with_said(Order(KEY, "1001"), Said(Standing.OPEN, Decimal(1), None, None), None),
            with_refund(Order(KEY, "1001"), "r-1", Decimal("0.0001")),
        ],
    )
    def test_every_field_survives_storage(self, table: Table, order: Order) -> None:
        """R-18: amounts to the last digit."""
        orders = DynamoDbOrders(table)
        assert orders.get(KEY) is None
        assert orders.save(order, None, NOW)
        assert orders.get(KEY) == order

    def test_refunds_keep_the_order_in_which_they_came(self, table: Table) -> None:
        """R-18: each takes its part after those before it."""
        orders, order = DynamoDbOrders(table), Order(KEY, "1001")
        for refund_id in ("z", "a", "m"):
            order = with_refund(order, refund_id, Decimal(5))
            assert orders.save(order, None, NOW)
        stored = orders.get(KEY)
        assert stored is not None
        assert list(stored.refunds) == ["z", "a", "m"]

    def test_the_largest_order_fits_its_item(self, table: Table) -> None:
        """R-18, R-21: as many refunds as may be, with ids of the widest characters; an order that
        cannot be stored any more would book no refund either."""
        orders, order = DynamoDbOrders(table), Order(KEY, _widest(0))
        for number in range(MAX_REFUNDS):
            order = with_refund(order, _widest(number), Decimal("0.0001"))
        order = replace(with_said(order, said("999999999999.9999"), TERMS), version=1)
        order = replace(order, postings=tuple(_posting(each) for each in order.refunds))
        assert orders.save(order, None, NOW)
        assert orders.get(KEY) == order
        item = table.get(ledger_keys.order(KEY))
        assert item is not None
        assert item_size(to_item(item)) < 400 * 1024

    def test_an_order_and_its_task_are_one_write(self, table: Table) -> None:
        """R-21: who was second writes neither; a later word raises what the task wants."""
        orders, tasks = DynamoDbOrders(table), DynamoDbTasks(table)
        assert orders.save(FIRST, settle_task(FIRST, CONNECTION), NOW)
        other = with_said(Order(KEY, "1001"), said("50"), TERMS)
        assert not orders.save(other, settle_task(other, CONNECTION), NOW)
        refunded = with_refund(FIRST, "r-1", Decimal(10))
        assert orders.save(refunded, settle_task(refunded, CONNECTION), NOW)
        assert not orders.save(refunded, settle_task(refunded, CONNECTION), NOW)
        [due] = [row for row in tasks.due(NOW + LEASE) if row.kind == TaskKind.SETTLE_ORDER]
        task = tasks.lease(due.key, "me", NOW)
        assert isinstance(task, Task)
        assert (task.want, task.payload) == (2, {"source": "catapult:S1"})
        assert orders.get(KEY) == refunded

    def test_a_save_whose_answer_was_lost_is_known_again(self, table: Table) -> None:
        """R-21, reliability 13: the shop is told that its word changed the order, also where the
        worker has booked it meanwhile; who was second is told no such thing."""
        for order in (FIRST, with_refund(FIRST, "r-1", Decimal(10))):
            faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
            assert DynamoDbOrders(faulty).save(order, None, NOW)
        orders = DynamoDbOrders(table)

        def booked_meanwhile(_: str, number: int) -> str | None:
            if number == 2:
                assert orders.booked(third)
            return "lost" if number == 1 else None

        third = with_refund(order, "r-2", Decimal(5))
        faulty, _ = refaulted(table, booked_meanwhile)
        assert DynamoDbOrders(faulty).save(third, None, NOW)
        assert orders.get(KEY) == replace(third, postings=())
        other = with_refund(order, "r-3", Decimal(5))
        # The first attempt does not arrive at all.
        faulty, _ = refaulted(table, lambda _, n: "InternalServerError" if n == 1 else None)
        assert not DynamoDbOrders(faulty).save(other, None, NOW)

    def test_postings_are_taken_off_only_as_they_were_read(self, table: Table) -> None:
        """R-21: those of a later word stay, and what was said."""
        orders = DynamoDbOrders(table)
        orders.save(FIRST, None, NOW)
        refunded = with_refund(FIRST, "r-1", Decimal(10))
        orders.save(refunded, None, NOW)
        assert not orders.booked(FIRST)
        assert orders.get(KEY) == refunded
        assert orders.booked(refunded)
        assert orders.booked(refunded), "a repeat whose answer was lost"
        assert orders.get(KEY) == replace(refunded, postings=())

    def test_what_was_let_go_stays_with_the_order(self, table: Table) -> None:
        """R-18: from when its postings are taken off until it has come again."""
        orders = DynamoDbOrders(table)
        orders.save(FIRST, None, NOW)
        for let_go in ({ANA.key: 43}, {}):
            order = replace(FIRST, let_go=let_go)
            assert orders.booked(order)
            assert orders.get(KEY) == replace(order, postings=())

    def test_words_at_once_are_all_kept(self, table: Table) -> None:
        """R-21: who was second reads again."""
        orders = DynamoDbOrders(table)

        def say(refund_id: str) -> None:
            saved = False
            while not saved:
                order = orders.get(KEY) or Order(KEY, "1001")
                saved = orders.save(with_refund(order, refund_id, Decimal(1)), None, NOW)

        threads = [threading.Thread(target=say, args=(f"r-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = orders.get(KEY)
        assert stored is not None
        assert (len(stored.refunds), stored.version) == (4, 4)
